/**
 * The Vault whose KV v2 wire this is. Clients read it as a semantic version and turn features on by it: Terraform takes
 * 1.10 and more for custom metadata and patches, and build metadata with `ent` in it, such as our own name has, for an
 * Enterprise server with namespaces. So it is a bare number, and ours stands beside it as `muniment_version`.
 */
export const wireVersion = '1.15.0'
