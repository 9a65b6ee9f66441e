"""Who may reach each URL and each GraphQL field of this door. A house test fails for one that is missing.

Fields of `Query` and `Mutation`, and fields that lead from one thing to another, are named one by one.
The rest of a type are plain facts of something that was fetched through the gate.
"""

from __future__ import annotations

from apps.access.policy import Permission
from apps.access.rules import ANYBODY, PARENT, SIGNED_IN, SIGNED_URL, declare_graphql, declare_url

# ── URLs ──
declare_url("wandb_protocol:graphql", ANYBODY, methods=("POST",))  # each field has its own rule, below
declare_url("wandb_protocol:file_stream", Permission.RUN_WRITE, methods=("POST",))
declare_url("wandb_protocol:upload", SIGNED_URL, methods=("PUT",))
declare_url("wandb_protocol:signed_download", SIGNED_URL, methods=("GET", "HEAD"))
declare_url("wandb_protocol:download", Permission.FILE_READ, methods=("GET", "HEAD"))
declare_url("wandb_protocol:upload_entry", SIGNED_URL, methods=("PUT",))
declare_url("wandb_protocol:upload_part", SIGNED_URL, methods=("PUT",))
declare_url("wandb_protocol:upload_manifest", SIGNED_URL, methods=("PUT",))
declare_url("wandb_protocol:download_entry", SIGNED_URL, methods=("GET", "HEAD"))
declare_url("wandb_protocol:download_manifest", SIGNED_URL, methods=("GET", "HEAD"))
declare_url("wandb_protocol:download_by_digest", Permission.FILE_READ, methods=("GET", "HEAD"))
declare_url("wandb_protocol:no_such_service", ANYBODY, methods=("GET", "POST", "PUT"))

# ── ways in ──
declare_graphql(ANYBODY, "Query.serverInfo")
declare_graphql(SIGNED_IN, "Query.viewer", "Query.users")
declare_graphql(Permission.ENTITY_READ, "Query.entity", "Query.organization")
declare_graphql(Permission.PROJECT_READ, "Query.project", "Query.model", "Query.models")

declare_graphql(Permission.RUN_CREATE, "Mutation.upsertBucket")  # RUN_WRITE for a run that is there
declare_graphql(Permission.FILE_WRITE, "Mutation.createRunFiles", "Mutation.markRunFilesUploaded")
declare_graphql(
    Permission.RUN_WRITE,
    "Mutation.notifyScriptableRunAlert",
    "Mutation.rewindRun",
    "Mutation.stopRun",
    "Mutation.updateRunState",
)
declare_graphql(Permission.RUN_ERASE, "Mutation.deleteRun")
declare_graphql(Permission.FILE_ERASE, "Mutation.deleteFiles")
declare_graphql(Permission.PROJECT_ERASE, "Mutation.deleteModel")
declare_graphql(Permission.PROJECT_CREATE, "Mutation.upsertModel")  # PROJECT_WRITE or PROJECT_SHARE to change
declare_graphql(SIGNED_IN, "Mutation.generateApiKey", "Mutation.deleteApiKey", "Mutation.createTeam")
declare_graphql(
    Permission.ENTITY_ADMIN,
    "Mutation.createInvite",
    "Mutation.deleteInvite",
    "Mutation.createServiceAccount",
)

# ── from one thing to another ──
declare_graphql(SIGNED_IN, "User.apiKeys", "User.teams", "User.organizations")
declare_graphql(Permission.PROJECT_READ, "Entity.project")
# An entity's name also stands beside a project that strangers read: these ask the gate themselves.
declare_graphql(
    Permission.ENTITY_READ,
    "Entity.defaultAccess",
    "Entity.members",
    "Entity.organization",
    "Entity.privateOnly",
    "Entity.storageBytes",
    "Entity.user",
)
declare_graphql(
    Permission.RUN_READ,
    "Project.bucket",
    "Project.buckets",
    "Project.run",
    "Project.runCount",
    "Project.runs",
)
declare_graphql(
    Permission.RUN_READ,
    "Run.events",
    "Run.history",
    "Run.historyKeys",
    "Run.logLines",
    "Run.parquetHistory",
    "Run.sampledHistory",
)
declare_graphql(Permission.FILE_READ, "Run.files", "Run.fileCount", "File.directUrl", "File.url")

declare_graphql(
    Permission.FILE_READ,
    "Query.artifact",
    "Query.artifactCollection",
    "Query.clientIDMapping",
    "Project.artifact",
    "Project.artifactCollection",
    "Project.artifactCollectionMembership",
    "Project.artifactCollections",
    "Project.artifactType",
    "Project.artifactTypes",
    "ArtifactType.artifactCollection",
    "ArtifactType.artifactCollections",
    "ArtifactCollection.aliases",
    "ArtifactCollection.artifacts",
    "ArtifactCollection.artifactMembership",
    "ArtifactSequence.aliases",
    "ArtifactSequence.artifacts",
    "ArtifactSequence.artifactMembership",
    "ArtifactSequence.latestArtifact",
    "ArtifactCollectionMembership.files",
    "Artifact.artifactMemberships",
    "ArtifactPortfolio.aliases",
    "ArtifactPortfolio.artifacts",
    "ArtifactPortfolio.artifactMembership",
    "Artifact.currentManifest",
    "Artifact.files",
    "Artifact.filesByManifestEntries",
    "Run.inputArtifacts",
    "Run.outputArtifacts",
)
declare_graphql(Permission.RUN_READ, "Artifact.createdBy", "Artifact.usedBy")
declare_graphql(
    Permission.FILE_WRITE,
    "Mutation.addAliases",
    "Mutation.commitArtifact",
    "Mutation.completeMultipartUploadArtifact",
    "Mutation.createArtifact",
    "Mutation.createArtifactCollectionTagAssignments",
    "Mutation.createArtifactFiles",
    "Mutation.createArtifactManifest",
    "Mutation.createCustomChart",  # and PROJECT_CREATE where the project of looks is not there yet
    "Mutation.deleteAliases",
    "Mutation.linkArtifact",  # and PROJECT_CREATE where the project of `run.link_model` is not there yet
    "Mutation.unlinkArtifact",
    "Mutation.updateArtifactPortfolio",
    "Mutation.deleteArtifactCollectionTagAssignments",
    "Mutation.moveArtifactSequence",
    "Mutation.updateArtifact",
    "Mutation.updateArtifactManifest",
    "Mutation.updateArtifactSequence",
)
declare_graphql(
    Permission.FILE_ERASE,
    "Mutation.deleteArtifact",
    "Mutation.deleteArtifactPortfolio",
    "Mutation.deleteArtifactSequence",
)
declare_graphql(Permission.PROJECT_ADMIN, "Mutation.renameProject")
declare_graphql(
    Permission.PROJECT_SHARE,
    "Mutation.createProjectMembers",
    "Mutation.deleteProjectMembers",
    "Mutation.updateProjectMember",
    "Mutation.updateProjectTeamMember",
)
declare_graphql(Permission.PROJECT_READ, "Project.members", "Project.teamMembers")
# Of an organisation, what the asker may see; of a team nothing.
declare_graphql(SIGNED_IN, "Entity.artifactCollections", "Entity.artifactMemberships", "Entity.projects")
declare_graphql(Permission.RUN_WRITE, "Mutation.useArtifact")  # and FILE_READ of the version

# ── facts of what was fetched above ──
_FACTS = {
    "ApiKey": "id name description",
    "ApiKeyConnection": "edges",
    "ApiKeyEdge": "node",
    "Artifact": "id artifactSequence artifactType versionIndex description metadata ttlDurationSeconds ttlIsInherited "
    "tags historyStep state size digest digestAlgorithm commitHash fileCount createdAt updatedAt aliases",
    "ArtifactAlias": "id alias artifactCollection",
    "ArtifactAliasConnection": "edges pageInfo totalCount",
    "ArtifactAliasEdge": "node cursor",
    "ArtifactCollection": "id name description state createdAt updatedAt project defaultArtifactType tags",
    "ArtifactCollectionConnection": "edges pageInfo totalCount",
    "ArtifactCollectionEdge": "node cursor",
    "ArtifactCollectionMembership": "id versionIndex createdAt aliases artifactCollection artifact",
    "ArtifactCollectionMembershipConnection": "edges pageInfo totalCount",
    "ArtifactCollectionMembershipEdge": "node cursor",
    "ArtifactCollectionPayload": "artifactCollection",
    "ArtifactConnection": "edges pageInfo totalCount",
    "ArtifactEdge": "version node cursor",
    "ArtifactManifest": "id file",
    "ArtifactManifestPayload": "artifactManifest",
    "ArtifactPayload": "artifact",
    "ArtifactPortfolio": "id name description state createdAt updatedAt project defaultArtifactType tags",
    "ArtifactSequence": "id name description state createdAt updatedAt project defaultArtifactType tags digestAlgorithm",
    "ArtifactType": "id name description createdAt",
    "ArtifactTypeConnection": "edges pageInfo totalCount",
    "ArtifactTypeEdge": "node cursor",
    "ClientIDMapping": "serverID",
    "CompleteMultipartUploadArtifactPayload": "digest",
    "CreateArtifactFilesPayload": "files",
    "CreateArtifactPayload": "artifact",
    "CreateRunFilesPayload": "runID uploadHeaders files",
    "CreatedRunFile": "name uploadUrl",
    "CreateCustomChartPayload": "chart",
    "CustomChart": "id",
    "CreateInvitePayload": "invite",
    "CreateServiceAccountPayload": "user",
    "CreateTeamPayload": "entity",
    "Entity": "id name available photoUrl readOnly readOnlyAdmin isTeam entityType codeSavingEnabled isPaid "
    "limits xxhashDigestsEnabled",
    "EntityConnection": "edges",
    "EntityEdge": "node",
    "DeleteRunPayload": "clientMutationId",
    "File": "id name sizeBytes mimetype md5 digest updatedAt displayName storagePath uploadUrl uploadHeaders "
    "uploadMultipartUrls artifact",
    "FileConnection": "edges pageInfo totalCount uploadHeaders",
    "FileEdge": "node cursor",
    "GenerateApiKeyPayload": "apiKey",
    "Invite": "id name email createdAt toUser",
    "LocalVersionInfo": "outOfDate latestVersionString versionOnThisInstanceString",
    "LogLine": "number timestamp level label line",
    "LogLineConnection": "edges pageInfo",
    "LogLineEdge": "node cursor",
    "LinkArtifactPayload": "versionIndex artifactMembership",
    "Member": "id admin role pending email username name photoUrl accountType apiKey",
    "Organization": "id name orgEntity coreWeaveOrganizationId",
    "PageInfo": "endCursor hasNextPage",
    "ParquetHistory": "parquetUrls liveData",
    "Project": "id internalId name entityName entity description access views repo dockerImage isBenchmark "
    "readOnly createdAt updatedAt allowAllArtifactTypesInRegistry user totalSweeps allViews",
    "ProjectConnection": "edges pageInfo",
    "ProjectEdge": "node cursor",
    "ProjectMember": "id name username email role",
    "ProjectTeamMember": "team role",
    "Role": "name",
    "RewindRunPayload": "rewoundRun",
    "Run": "id name displayName description notes tags group jobType sweepName commit state exitcode stopped "
    "shouldStop running failed readOnly createdAt updatedAt heartbeatAt config wandbConfig summaryMetrics "
    "systemMetrics historyLineCount eventsLineCount logLineCount historyTail eventsTail project projectId user",
    "RunConnection": "edges pageInfo totalCount",
    "RunEdge": "node cursor",
    "ServerFeature": "name isEnabled",
    "ServerInfo": "features cliVersionInfo latestLocalVersionInfo",
    "SuccessPayload": "success clientMutationId",
    "Tag": "id name",
    "TagConnection": "edges",
    "TagEdge": "node",
    "TagsPayload": "tags",
    "UploadMultipartUrls": "uploadID uploadUrlParts",
    "UploadUrlPart": "partNumber uploadUrl",
    "UpsertBucketPayload": "bucket inserted clientMutationId",
    "UpsertModelPayload": "project model inserted",
    "User": "id name username email admin flags entity deletedAt photoUrl",
    "UserConnection": "edges pageInfo",
    "UserEdge": "node cursor",
    "View": "id name displayName description user spec createdAt updatedAt",
    "ViewConnection": "edges pageInfo",
    "ViewEdge": "node cursor",
}
for _type, _fields in _FACTS.items():
    declare_graphql(PARENT, *(f"{_type}.{field}" for field in _fields.split()))
