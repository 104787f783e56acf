"""How a dispute looks to its person and to the operator."""

from collections.abc import Sequence

from app.bookings.decisions import at_stake
from app.bookings.queries import UnitState
from app.disputes.queries import DisputeRow
from app.disputes.schemas import DisputedUnitRead, DisputeRead, OperatorDisputeRead
from app.disputes.sealing import unseal


def dispute_read(row: DisputeRow) -> DisputeRead:
    return DisputeRead(
        id=row.id,
        status=row.status,
        booking_id=row.booking_id,
        unit_ids=row.unit_ids,
        reason=unseal("dispute_reason", row.sealed_reason, row.id),
        contested_cents=row.contested_cents,
        created_at=row.created_at,
        decide_by=row.decide_by,
        decided_at=row.decided_at,
        decision=_decision(row),
        refund_cents=row.refund_cents,
    )


def operator_dispute_read(row: DisputeRow, units: Sequence[UnitState]) -> OperatorDisputeRead:
    return OperatorDisputeRead(
        id=row.id,
        status=row.status,
        booking_id=row.booking_id,
        provider_id=row.provider_id,
        provider_name=row.provider_name,
        offering_name=row.offering_name,
        units=[
            DisputedUnitRead(
                id=unit.id,
                status=unit.status,
                starts_at=unit.starts_at,
                price_cents=unit.price_cents,
                fee_cents=unit.fee_cents,
                contested_cents=at_stake(unit),
                refunded_cents=unit.refunded_cents,
            )
            for unit in units
        ],
        reason=unseal("dispute_reason", row.sealed_reason, row.id),
        contested_cents=row.contested_cents,
        created_at=row.created_at,
        decide_by=row.decide_by,
        decided_at=row.decided_at,
        decision=_decision(row),
        refund_cents=row.refund_cents,
    )


def _decision(row: DisputeRow) -> str | None:
    return None if row.sealed_decision is None else unseal("dispute_decision", row.sealed_decision, row.id)
