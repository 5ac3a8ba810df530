package image

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
	"github.com/tachograph/tacho/internal/server/blob"
	"github.com/tachograph/tacho/internal/server/store"
)

// Manifest is one manifest in one repository. Body is kept to the byte: its hash is the digest.
type Manifest struct {
	ProjectID    string
	Repository   string // '' is the project's own
	Digest       string
	MediaType    string
	ArtifactType string // '' if it has none
	Subject      string // digest of the manifest that it is about, or ''
	Annotations  string // JSON object, or ''
	Size         int64  // bytes
	Body         []byte
	Created      time.Time
}

// PutManifest stores m and what it names. Putting it again changes nothing but its media type.
func PutManifest(ctx context.Context, tx *store.Tx, m Manifest, references []string) error {
	var id int64
	err := tx.QueryRow(ctx, `
		insert into registry_manifest (project_id, repository, digest, media_type, artifact_type, subject, annotations, size, body, created)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		on conflict (project_id, repository, digest) do update set media_type = excluded.media_type
		returning id`,
		m.ProjectID, m.Repository, m.Digest, m.MediaType, m.ArtifactType, textOrNull(m.Subject), textOrNull(m.Annotations),
		len(m.Body), m.Body, store.Micros(tx.Now())).Scan(&id)
	if err != nil {
		return fmt.Errorf("put manifest %s: %w", m.Digest, err)
	}
	for _, digest := range references {
		_, err := tx.Exec(ctx, `
			insert into registry_reference (manifest_id, project_id, digest) values ($1, $2, $3)
			on conflict (manifest_id, digest) do nothing`, id, m.ProjectID, digest)
		if err != nil {
			return fmt.Errorf("put reference of manifest %s: %w", m.Digest, err)
		}
	}
	return nil
}

// FindManifest returns a manifest by its digest, or a missing fault.
func FindManifest(ctx context.Context, tx *store.Tx, projectID, repository, digest string) (Manifest, error) {
	m := Manifest{ProjectID: projectID, Repository: repository, Digest: digest}
	var subject, annotations sql.NullString
	var created int64
	err := tx.QueryRow(ctx, `
		select media_type, artifact_type, subject, annotations, size, body, created from registry_manifest
		where project_id = $1 and repository = $2 and digest = $3`, projectID, repository, digest).
		Scan(&m.MediaType, &m.ArtifactType, &subject, &annotations, &m.Size, &m.Body, &created)
	m.Subject, m.Annotations, m.Created = subject.String, annotations.String, store.TimeOf(created)
	return m, store.OneRow(err, "manifest", digest)
}

// HasManifest reports whether a repository has a manifest of that digest.
func HasManifest(ctx context.Context, tx *store.Tx, projectID, repository, digest string) (bool, error) {
	var has bool
	err := tx.QueryRow(ctx, `
		select exists (select 1 from registry_manifest where project_id = $1 and repository = $2 and digest = $3)`,
		projectID, repository, digest).Scan(&has)
	return has, err
}

// HasRepository reports whether a repository has any manifest.
func HasRepository(ctx context.Context, tx *store.Tx, projectID, repository string) (bool, error) {
	var has bool
	err := tx.QueryRow(ctx, `
		select exists (select 1 from registry_manifest where project_id = $1 and repository = $2)`,
		projectID, repository).Scan(&has)
	return has, err
}

// DeleteManifest removes a manifest with its tags and references; one that is not there is a missing fault.
func DeleteManifest(ctx context.Context, tx *store.Tx, projectID, repository, digest string) error {
	res, err := tx.Exec(ctx, `
		delete from registry_manifest where project_id = $1 and repository = $2 and digest = $3`, projectID, repository, digest)
	return store.ExactlyOne(res, err, "manifest", digest)
}

// Referrers returns at most limit manifests about subject with a digest after last, by digest, without their bodies.
// An empty artifactType is all.
func Referrers(ctx context.Context, tx *store.Tx, p ReferrersParams) ([]Manifest, error) {
	rows, err := tx.Query(ctx, `
		select digest, media_type, artifact_type, annotations, size, created from registry_manifest
		where project_id = $1 and repository = $2 and subject = $3 and ($4 = '' or artifact_type = $4) and digest > $5
		order by digest limit $6`, p.ProjectID, p.Repository, p.Subject, p.ArtifactType, p.Last, p.Limit)
	return store.Collect(rows, err, func(rows *sql.Rows) (Manifest, error) {
		m := Manifest{ProjectID: p.ProjectID, Repository: p.Repository, Subject: p.Subject}
		var annotations sql.NullString
		var created int64
		err := rows.Scan(&m.Digest, &m.MediaType, &m.ArtifactType, &annotations, &m.Size, &created)
		m.Annotations, m.Created = annotations.String, store.TimeOf(created)
		return m, err
	})
}

// ReferrersParams says which referrers are wanted.
type ReferrersParams struct {
	ProjectID, Repository, Subject string
	ArtifactType                   string // '' is any
	Last                           string // digest to go on after, or ''
	Limit                          int
}

// FindTag returns the digest that a tag points to, or a missing fault.
func FindTag(ctx context.Context, tx *store.Tx, projectID, repository, tag string) (string, error) {
	var digest string
	err := tx.QueryRow(ctx, `
		select digest from registry_tag where project_id = $1 and repository = $2 and tag = $3`,
		projectID, repository, tag).Scan(&digest)
	return digest, store.OneRow(err, "tag", tag)
}

// SetTag points a tag to a manifest of the same repository.
func SetTag(ctx context.Context, tx *store.Tx, projectID, repository, tag, digest string) error {
	_, err := tx.Exec(ctx, `
		insert into registry_tag (project_id, repository, tag, digest, modified) values ($1, $2, $3, $4, $5)
		on conflict (project_id, repository, tag) do update set digest = excluded.digest, modified = excluded.modified`,
		projectID, repository, tag, digest, store.Micros(tx.Now()))
	if store.IsReferenced(err) {
		return fault.Missingf("manifest %q does not exist", digest)
	}
	if err != nil {
		return fmt.Errorf("set tag %s: %w", tag, err)
	}
	return nil
}

// DeleteTag removes a tag and leaves the manifest; one that is not there is a missing fault.
func DeleteTag(ctx context.Context, tx *store.Tx, projectID, repository, tag string) error {
	res, err := tx.Exec(ctx, `
		delete from registry_tag where project_id = $1 and repository = $2 and tag = $3`, projectID, repository, tag)
	return store.ExactlyOne(res, err, "tag", tag)
}

// Tags returns at most limit tags after last, in the order of letters without regard to case, as the OCI specification wants.
// last need not be a tag that exists; ” begins at the beginning.
func Tags(ctx context.Context, tx *store.Tx, projectID, repository, last string, limit int) ([]string, error) {
	rows, err := tx.Query(ctx, `
		select tag from registry_tag
		where project_id = $1 and repository = $2 and (lower(tag), tag) > (lower($3), $3)
		order by lower(tag), tag limit $4`, projectID, repository, last, limit)
	return store.Collect(rows, err, store.ScanText)
}

// PutBlob lets a project see a blob. Doing it again renews its age.
func PutBlob(ctx context.Context, tx *store.Tx, projectID, digest string, sizeBytes int64) error {
	_, err := tx.Exec(ctx, `
		insert into registry_blob (project_id, digest, size, created) values ($1, $2, $3, $4)
		on conflict (project_id, digest) do update set created = excluded.created`,
		projectID, digest, sizeBytes, store.Micros(tx.Now()))
	if err != nil {
		return fmt.Errorf("put blob %s: %w", digest, err)
	}
	return nil
}

// BlobSize returns the size in bytes of a blob that a project may see, or a missing fault.
func BlobSize(ctx context.Context, tx *store.Tx, projectID, digest string) (int64, error) {
	var size int64
	err := tx.QueryRow(ctx, `
		select size from registry_blob where project_id = $1 and digest = $2`, projectID, digest).Scan(&size)
	return size, store.OneRow(err, "blob", digest)
}

// DeleteBlob takes a blob out of a project's sight; one that it does not see is a missing fault.
func DeleteBlob(ctx context.Context, tx *store.Tx, projectID, digest string) error {
	res, err := tx.Exec(ctx, `
		delete from registry_blob where project_id = $1 and digest = $2`, projectID, digest)
	return store.ExactlyOne(res, err, "blob", digest)
}

// unusedBlobs are those of registry_blob b that were put before and that no manifest of their project names.
const unusedBlobs = ` from registry_blob b where b.created < $1 and not exists (
	select 1 from registry_reference r where r.project_id = b.project_id and r.digest = b.digest)`

// ForgetUnusedBlobs takes at most limit blobs of one project, put before before and named by no manifest of it, out of sight. more is
// false once no project has any.
func ForgetUnusedBlobs(ctx context.Context, tx *store.Tx, before time.Time, limit int) (more bool, err error) {
	var project string
	err = tx.QueryRow(ctx, `select b.project_id`+unusedBlobs+` order by b.project_id limit 1`, store.Micros(before)).Scan(&project)
	if project, more, err = store.FoundRow(project, err, "find unused blobs"); err != nil || !more {
		return false, err
	}
	if err := tx.Lock(ctx, store.ImagesOf(project)); err != nil { // a manifest that names one of them may be on its way
		return false, err
	}
	if _, err := tx.Exec(ctx, `delete from registry_blob where project_id = $2 and digest in (
		select b.digest`+unusedBlobs+` and b.project_id = $2 order by b.digest limit $3)`, store.Micros(before), project, limit); err != nil {
		return false, fmt.Errorf("forget unused blobs: %w", err)
	}
	return true, nil
}

// BlobRoots returns at most limit digests after last, in order, each once, that a row names: the registry's blobs, the outputs of jobs
// and the inputs of reports. What is in the blob store and not here is garbage.
func BlobRoots(ctx context.Context, tx *store.Tx, last string, limit int) ([]string, error) {
	rows, err := tx.Query(ctx, `
		select digest from registry_blob where digest > $1
		union select digest from job_output where digest > $1
		union select digest from report_input where digest > $1
		order by digest limit $2`, last, limit)
	return store.Collect(rows, err, store.ScanText)
}

// NamedBlobs returns the digests of all rows that name a blob, in order: 100 bytes of memory for each. A row with something else than a
// digest is an error: what it means to keep is not known.
func NamedBlobs(ctx context.Context, db *store.Store) (named []blob.Digest, err error) {
	for last := ""; ; {
		var page []string
		if err := db.View(ctx, func(tx *store.Tx) (err error) {
			page, err = BlobRoots(ctx, tx, last, limits.RegistryCollectBatch)
			return err
		}); err != nil {
			return nil, fmt.Errorf("list named blobs: %w", err)
		}
		for _, text := range page {
			digest, err := blob.ParseDigest(text)
			if err != nil {
				return nil, fmt.Errorf("list named blobs: %w", err)
			}
			named, last = append(named, digest), text
		}
		if len(page) < limits.RegistryCollectBatch {
			return named, nil
		}
	}
}

// InsertUpload records which repository an upload session belongs to.
func InsertUpload(ctx context.Context, tx *store.Tx, id, projectID, repository string) error {
	_, err := tx.Exec(ctx, `
		insert into registry_upload (id, project_id, repository, created) values ($1, $2, $3, $4)`,
		id, projectID, repository, store.Micros(tx.Now()))
	if err != nil {
		return fmt.Errorf("insert upload: %w", err)
	}
	return nil
}

// CountUploads returns how many sessions a project has open.
func CountUploads(ctx context.Context, tx *store.Tx, projectID string) (int, error) {
	var n int
	err := tx.QueryRow(ctx, `select count(*) from registry_upload where project_id = $1`, projectID).Scan(&n)
	return n, err
}

// CheckUpload returns a missing fault unless the session belongs to the repository.
func CheckUpload(ctx context.Context, tx *store.Tx, id, projectID, repository string) error {
	var one int
	err := tx.QueryRow(ctx, `
		select 1 from registry_upload where id = $1 and project_id = $2 and repository = $3`, id, projectID, repository).Scan(&one)
	return store.OneRow(err, "upload", id)
}

// DeleteUpload forgets a session; one that is not there is no error.
func DeleteUpload(ctx context.Context, tx *store.Tx, id string) error {
	_, err := tx.Exec(ctx, `delete from registry_upload where id = $1`, id)
	return err
}

// UploadsBefore returns the ids of at most limit sessions after last, by id, that were begun before before.
func UploadsBefore(ctx context.Context, tx *store.Tx, before time.Time, last string, limit int) ([]string, error) {
	rows, err := tx.Query(ctx, `
		select id from registry_upload where created < $1 and id > $2 order by id limit $3`, store.Micros(before), last, limit)
	return store.Collect(rows, err, store.ScanText)
}

// textOrNull is s, and null if s is empty.
func textOrNull(s string) sql.NullString { return sql.NullString{String: s, Valid: s != ""} }

// ---- tokens

// Token is one scope of a registry token. Only the hash of the token is kept.
type Token struct {
	Hash       string
	ProjectID  string // '' is a token without scope: it proves who logs in and opens nothing
	Repository string // '*' is every repository of the project
	Actions    string // comma-separated: pull,push,delete
	JobID      string // if set, the token holds only while this job is claimed or running in Epoch
	Epoch      int64
	KeyHash    string // of the key that it was traded from, or ''; whether that still stands is for the caller to ask
	Expires    time.Time
}

// InsertToken stores one scope.
func InsertToken(ctx context.Context, tx *store.Tx, t Token) error {
	epoch := sql.NullInt64{Int64: t.Epoch, Valid: t.JobID != ""}
	_, err := tx.Exec(ctx, `
		insert into registry_token (hash, project_id, repository, actions, job_id, epoch, key_hash, expires)
		values ($1, $2, $3, $4, $5, $6, $7, $8)`,
		t.Hash, textOrNull(t.ProjectID), t.Repository, t.Actions, textOrNull(t.JobID), epoch, textOrNull(t.KeyHash), store.Micros(t.Expires))
	if store.IsReferenced(err) {
		return fault.Wrap(fault.Missing, err, "registry token: its project or its job does not exist")
	}
	if err != nil {
		return fmt.Errorf("insert registry token: %w", err)
	}
	return nil
}

// Scope is a scope of a token that holds now.
type Scope struct {
	ProjectID   string // '' for a token without scope
	ProjectSlug string
	Repository  string
	Actions     string
	KeyHash     string // of the key that the token was traded from; '' for one of a job
	Expires     time.Time
}

// Scopes returns the scopes of the token with that hash that hold at tx.Now: not expired, the project not deleted and, if bound
// to a job, that job claimed or running in the token's epoch. None is an empty list.
func Scopes(ctx context.Context, tx *store.Tx, hash string) ([]Scope, error) {
	rows, err := tx.Query(ctx, `
		select coalesce(t.project_id, ''), coalesce(p.slug, ''), t.repository, t.actions, coalesce(t.key_hash, ''), t.expires
		from registry_token t left join project p on p.id = t.project_id
		where t.hash = $1 and t.expires > $2
			and (t.project_id is null or (p.id is not null and p.deleted is null))
			and (t.job_id is null or exists (
				select 1 from job j where j.id = t.job_id and j.epoch = t.epoch and j.state in ('claimed', 'running')))
		order by t.project_id, t.repository limit 100`, hash, store.Micros(tx.Now()))
	return store.Collect(rows, err, func(rows *sql.Rows) (Scope, error) {
		var s Scope
		var expires int64
		err := rows.Scan(&s.ProjectID, &s.ProjectSlug, &s.Repository, &s.Actions, &s.KeyHash, &expires)
		s.Expires = store.TimeOf(expires)
		return s, err
	})
}

// DeleteExpiredTokens removes what no longer opens anything.
func DeleteExpiredTokens(ctx context.Context, tx *store.Tx) error {
	_, err := tx.Exec(ctx, `delete from registry_token where expires <= $1`, store.Micros(tx.Now()))
	return err
}
