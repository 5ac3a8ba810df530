package job

// What tests outside of this package look at.
const (
	NextQuery          = nextJobQuery + nextJobOrder
	QueuePositionQuery = queuePositionQuery
)
