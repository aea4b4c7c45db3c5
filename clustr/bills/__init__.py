"""Floor 5: what is owed. One row per bill, however many members; a member's row only when the member acts."""
