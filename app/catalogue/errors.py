"""Refusals of the catalogue."""

from app.errors import AppError


class PriceOverlap(AppError, status=409, code="price_overlap", constraints=("price_one_per_day",)):
    """Another price is valid on some of these days; only an open-ended price gives way to a later open-ended one."""


class ProviderNotAccredited(
    AppError,
    status=409,
    code="provider_not_accredited",
    constraints=("leg_provider_takes_credit", "unit_provider_takes_credit"),
):
    """The provider takes no credit on one of these days: it is not admitted to an alliance and accredited for them."""


class AccreditationRequested(
    AppError, status=409, code="accreditation_requested", constraints=("accreditation_one_requested_key",)
):
    """The alliance has an open request of this provider already."""


class ApproverNotVouched(
    AppError, status=403, code="approver_not_vouched", constraints=("accreditation_approver_stands",)
):
    """Your role rests on one person's word: finance vouches for whom the operator brought in.

    Nor may it come from whoever entered the provider or asked for the accreditation.
    """


class AccreditationApproverIsMaker(
    AppError,
    status=403,
    code="approver_is_maker",
    constraints=("accreditation_approver_is_not_requester", "accreditation_approver_is_apart"),
):
    """Whoever asked for an accreditation, entered the provider or works for it cannot approve it."""
