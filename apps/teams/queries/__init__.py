from apps.teams.queries.entities import (
    default_entity,
    entities_of,
    entities_where,
    entity_by_name,
    get_entity,
    role_counts,
    teams_of,
)
from apps.teams.queries.settings import Effective, effective, effective_of, own_of

__all__ = [
    "Effective",
    "default_entity",
    "effective",
    "effective_of",
    "entities_of",
    "entities_where",
    "entity_by_name",
    "get_entity",
    "own_of",
    "role_counts",
    "teams_of",
]
