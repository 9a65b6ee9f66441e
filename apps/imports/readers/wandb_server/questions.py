"""What is asked, in the words of the server's schema (GraphQL)."""

VIEWER = "query Viewer { viewer { entity username } }"

PROJECT = """query Project($entity: String, $project: String) {
  project(name: $project, entityName: $entity) {
    id name description createdAt
    runs(first: 1, order: "-created_at") { edges { node { createdAt heartbeatAt } } }
  }
}"""

PROJECTS = """query Projects($entity: String, $first: Int, $after: String) {
  models(entityName: $entity, first: $first, after: $after) {
    edges { cursor node { name } } pageInfo { endCursor hasNextPage }
  }
}"""

RUNS = """query Runs($entity: String, $project: String, $filters: JSONString, $first: Int, $after: String) {
  project(name: $project, entityName: $entity) {
    runs(filters: $filters, order: "+created_at", first: $first, after: $after) {
      edges { cursor node {
        name displayName description notes tags group jobType sweepName commit state createdAt heartbeatAt
        config summaryMetrics user { username }
      } }
      pageInfo { endCursor hasNextPage }
    }
  }
}"""

EDGES = {
    field: f"""query Run_{field}($entity: String, $project: String, $run: String!, $first: Int, $after: String) {{
  project(name: $project, entityName: $entity) {{ run(name: $run) {{
    {field}(first: $first, after: $after) {{ edges {{ cursor node {{ id }} }} pageInfo {{ endCursor hasNextPage }} }}
  }} }}
}}"""
    for field in ("inputArtifacts", "outputArtifacts")
}

KEYS = """query RunKeys($entity: String, $project: String, $run: String!) {
  project(name: $project, entityName: $entity) { run(name: $run) { historyKeys eventsLineCount } }
}"""

HISTORY = """query RunHistory(
  $entity: String, $project: String, $run: String!, $from: Int64!, $to: Int64!, $samples: Int!
) {
  project(name: $project, entityName: $entity) {
    run(name: $run) { history(minStep: $from, maxStep: $to, samples: $samples) }
  }
}"""

EVENTS = """query RunEvents($entity: String, $project: String, $run: String!, $samples: Int!) {
  project(name: $project, entityName: $entity) { run(name: $run) { events(samples: $samples) } }
}"""

CONSOLE = """query RunLogLines($entity: String, $project: String, $run: String!, $first: Int, $after: String) {
  project(name: $project, entityName: $entity) { run(name: $run) {
    logLines(first: $first, after: $after, useImprovedPagination: true) {
      edges { cursor node { timestamp level line } } pageInfo { endCursor hasNextPage }
    }
  } }
}"""

FILES = """query RunFiles($entity: String, $project: String, $run: String!, $first: Int, $after: String) {
  project(name: $project, entityName: $entity) { run(name: $run) {
    files(first: $first, after: $after) {
      edges { cursor node { name directUrl sizeBytes md5 updatedAt } } pageInfo { endCursor hasNextPage }
    }
  } }
}"""

FILE = """query RunFile($entity: String, $project: String, $run: String!, $names: [String!]) {
  project(name: $project, entityName: $entity) { run(name: $run) {
    files(names: $names, first: 1) { edges { node { name directUrl } } }
  } }
}"""

NEWEST = """query NewestFiles($entity: String, $project: String, $first: Int) {
  project(name: $project, entityName: $entity) {
    runs(first: $first, order: "-created_at") { edges { node { files(first: 1) { edges { node { directUrl } } } } } }
  }
}"""

TYPES = """query ArtifactTypes($entity: String, $project: String, $first: Int, $after: String) {
  project(name: $project, entityName: $entity) {
    artifactTypes(first: $first, after: $after) { edges { cursor node { name } } pageInfo { endCursor hasNextPage } }
  }
}"""

COLLECTIONS = """query ArtifactCollections($entity: String, $project: String, $type: String!, $first: Int, $after: String) {
  project(name: $project, entityName: $entity) { artifactType(name: $type) {
    artifactCollections(first: $first, after: $after) {
      edges { cursor node { __typename id name description createdAt updatedAt tags { edges { node { name } } } } }
      pageInfo { endCursor hasNextPage }
    }
  } }
}"""

VERSIONS = """query ArtifactVersions(
  $entity: String, $project: String, $type: String!, $collection: String!, $first: Int, $after: String
) {
  project(name: $project, entityName: $entity) { artifactType(name: $type) { artifactCollection(name: $collection) {
    artifacts(first: $first, after: $after) {
      edges { cursor version node { id versionIndex state } } pageInfo { endCursor hasNextPage }
    }
  } } }
}"""

VERSION = """query ArtifactByID($id: ID!) {
  artifact(id: $id) {
    id versionIndex description metadata digest createdAt historyStep ttlDurationSeconds ttlIsInherited
    tags { name } aliases { alias artifactCollection { id } }
    createdBy { __typename ... on Run { name project { name entityName } } }
    currentManifest { file { directUrl } }
  }
}"""

MEMBERSHIPS = """query ArtifactMemberships($id: ID!) {
  artifact(id: $id) {
    artifactMemberships { edges { node { versionIndex createdAt aliases { alias } artifactCollection { id } } } }
  }
}"""

ENTRIES = """query ArtifactFiles($id: ID!, $first: Int, $after: String) {
  artifact(id: $id) {
    files(first: $first, after: $after) {
      edges { cursor node { name: displayName directUrl } } pageInfo { endCursor hasNextPage }
    }
  }
}"""

ENTRY = """query ArtifactFile($id: ID!, $names: [String!]) {
  artifact(id: $id) { files(names: $names, first: 1) { edges { node { name: displayName directUrl } } } }
}"""
