package stats

import (
	"sync"
	"testing"
)

func TestAQuantileThatIsKeptIsTheOneThatIsFound(t *testing.T) {
	t.Parallel()
	q := quantiles{known: map[studentKey]float64{}}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range studentsKept + 100 {
				k := studentKey{0.5 + float64(i%97)/200, float64(1 + i/97)}
				if got := q.at(k); got != q.at(k) || i%61 == 0 && got != studentQuantile(k) {
					t.Errorf("%+v: %v, want %v", k, got, studentQuantile(k))
				}
			}
		})
	}
	all.Wait()
	if n := len(q.known); n == 0 || n > studentsKept {
		t.Errorf("%d results are kept, want up to %d", n, studentsKept)
	}
}

func BenchmarkStudentQuantile(b *testing.B) {
	b.Run("kept", func(b *testing.B) {
		for b.Loop() {
			StudentQuantile(0.999, 63)
		}
	})
	b.Run("found", func(b *testing.B) {
		for b.Loop() {
			studentQuantile(studentKey{0.999, 63})
		}
	})
}
