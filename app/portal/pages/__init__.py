"""The pages, one file per noun of the person who reads them."""
