// Package image is the room of what the registry keeps of images: manifests, tags, who has which blob, uploads in progress, tokens. The
// bytes are in the blob store; the protocol is the registry's.
//
// Who may pull, push and delete is asked here too (Service), in the name of whoever the server root finds the credentials to be of.
//
// Who calls it: the registry and upkeep call the rows, the server root calls Service for the registry.
package image
