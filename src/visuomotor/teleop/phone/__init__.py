"""A phone in the operator's hand: its page, its server and what its messages mean."""
