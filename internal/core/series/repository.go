package series

import (
	"cmp"
	"slices"
)

// Keys of a submission's context that say which repository it comes from, for clients that keep several in one store.
const (
	ContextURL    = "repo/url"    // address of its origin: host/path, without credentials
	ContextRoot   = "repo/hash"   // its first commit
	ContextFolder = "repo/folder" // a fingerprint of the folder that it is in
)

// Repository says which repository results come from, in up to three ways. What is not known is empty.
type Repository struct{ URL, Root, Folder string }

// RepositoryOf reads the repository of a submission's context.
func RepositoryOf(context map[string]string) Repository {
	return Repository{ContextValue(context, ContextURL), ContextValue(context, ContextRoot), ContextValue(context, ContextFolder)}
}

// IsZero reports whether nothing is known.
func (r Repository) IsZero() bool { return r == Repository{} }

// Salt is the surest thing that is known: what a name is made distinct by.
func (r Repository) Salt() string { return cmp.Or(r.URL, r.Root, r.Folder) }

// KnownRepository is all that was ever said of one repository.
type KnownRepository struct{ URLs, Roots, Folders []string }

// IsZero reports whether nothing was said yet.
func (k KnownRepository) IsZero() bool { return len(k.URLs)+len(k.Roots)+len(k.Folders) == 0 }

// Likeness says how sure it is that r is the known repository; 0: it is another one. The address of the origin decides, and after it the
// first commit, which a fork shares: with another address it is the same repository only in the same folder, where it was moved. The folder
// alone decides where the one or the other side has nothing better, as before the first commit.
func (r Repository) Likeness(k KnownRepository) int {
	otherURL := r.URL != "" && len(k.URLs) > 0
	otherRoot := r.Root != "" && len(k.Roots) > 0
	sameFolder := r.Folder != "" && slices.Contains(k.Folders, r.Folder)
	switch {
	case r.URL != "" && slices.Contains(k.URLs, r.URL):
		return 3
	case r.Root != "" && slices.Contains(k.Roots, r.Root) && (!otherURL || sameFolder):
		return 2
	case sameFolder && !otherURL && !otherRoot:
		return 1
	}
	return 0
}
