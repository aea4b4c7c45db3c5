"""Floor 2: estates, their units and members, who may do what, and how many residents a bill reaches."""
