// Package image is the room of what the registry keeps of images: manifests, tags, who has which blob, uploads in progress, tokens. The
// bytes are in the blob store; the protocol is the registry's.
//
// The registry and upkeep call it.
package image
