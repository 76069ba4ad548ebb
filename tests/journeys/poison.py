"""Texts that `poisonous_worker` does not survive."""

KILLS = "den här texten dödar"
NEVER_RETURNS = "den här texten tar aldrig slut"
