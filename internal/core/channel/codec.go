package channel

import (
	"encoding/json"
	"slices"

	"github.com/tachograph/tacho/api"
	"github.com/tachograph/tacho/internal/core/fault"
	"github.com/tachograph/tacho/internal/core/limits"
)

var fromRunner = []api.MessageEvent{
	api.MsgHello, api.MsgReady, api.MsgRunning, api.MsgHeartbeat, api.MsgPhase, api.MsgLog, api.MsgCompleted, api.MsgFailed, api.MsgCanceled,
	api.MsgDrain,
}

// heldMost is how many jobs a hello may name; a runner runs one and spools few.
const heldMost = 1_000

// Encode writes a message as one frame.
func Encode(msg api.Message) ([]byte, error) { return json.Marshal(msg) }

// Decode reads a frame of a runner. "cancelled" is understood as canceled. A frame that is too long, not JSON, or not a runner's message is
// an Invalid fault; the channel stays.
func Decode(frame []byte) (api.Message, error) {
	var msg api.Message
	if len(frame) > limits.ChannelMessageBytes {
		return msg, fault.TooLargef("message: %d bytes, the limit is %d; results go up by HTTP", len(frame), limits.ChannelMessageBytes)
	}
	if err := json.Unmarshal(frame, &msg); err != nil {
		return api.Message{}, fault.Wrap(fault.Invalid, err, "message: not the JSON of a message")
	}
	if msg.Event == "cancelled" {
		msg.Event = api.MsgCanceled
	}
	switch {
	case !slices.Contains(fromRunner, msg.Event):
		return msg, fault.Invalidf("message: a runner does not say %.40q", string(msg.Event))
	case len(msg.Held) > heldMost:
		return msg, fault.TooLargef("message: %d held jobs, the limit is %d", len(msg.Held), heldMost)
	case len(msg.Text) > limits.LogChunkBytes:
		return msg, fault.TooLargef("message: %d bytes of log, the limit is %d", len(msg.Text), limits.LogChunkBytes)
	case len(msg.Results) > limits.IterationsPerJob:
		return msg, fault.TooLargef("message: %d results, the limit is %d", len(msg.Results), limits.IterationsPerJob)
	case msg.Seq < 0 || msg.Epoch < 0:
		return msg, fault.Invalidf("message: seq and epoch are not negative")
	case msg.Seq > TerminalSeq || msg.Seq == TerminalSeq && !Terminal(msg.Event):
		return msg, fault.Invalidf("message: seq %d is kept for the end of a job", msg.Seq)
	case msg.Iteration < 0 || msg.Iteration >= limits.IterationsPerJob:
		return msg, fault.Invalidf("message: iteration %d, want 0 to %d", msg.Iteration, limits.IterationsPerJob-1)
	}
	return msg, nil
}
