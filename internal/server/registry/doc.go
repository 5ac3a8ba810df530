// Package registry is the OCI registry inside the server: /v2/ after the OCI distribution specification 1.1, and the token end point that
// its clients ask for.
//
// A repository belongs to a project: its name is the project's slug (or UUID), and may go on with the name of an image inside it:
// "ruby-bench" and "ruby-bench/app" are two repositories of the project ruby-bench. Blobs are shared by the repositories of a project and
// by no one else: a project sees a blob only if it has pushed or mounted it, although the bytes of equal blobs lie once in the blob store.
//
// The package does not decide who may do what (Access does, and the server root implements it), does not keep bytes (package blob) and
// has no SQL (package store). It is an edge: the server root mounts a Registry at /v2/, Registry.TokenHandler at TokenPath, and hands
// ResolveTag, Platforms and MintPull to the services that need them.
//
// # Credentials
//
// Each request under /v2/ carries one of: a registry token (tacho_pull_…, from the token end point or minted at a claim), an API key
// (tacho_user_…, tacho_run_…), either as Bearer or as the password of Basic, or nothing, which may pull from public projects. A request
// that lacks something is answered with 401 and the challenge that sends the client to the token end point.
//
// # Specification
//
// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md; the end points are named after its table (end-1 … end-13). Not
// there, on purpose: a catalog of all repositories (it would list other people's projects) and digests other than SHA-256.
package registry
