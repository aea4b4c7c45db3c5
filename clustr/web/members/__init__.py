"""What a member asks for: `/members/`."""
