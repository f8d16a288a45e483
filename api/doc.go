// Package api is the contract other programs build on: the JSON-RPC methods of
// a p2pmsgd daemon, their parameters and results, the error kinds, the events,
// and a Go client for all of it. It holds no server: a program that talks to a
// daemon imports this package and nothing else.
//
// Start at Methods, the table everything else is generated from (the OpenRPC
// document, the table in the specification), or at Dial, which opens a client:
//
//	c, err := api.Dial(ctx, "/path/to/data/rpc.sock")
//	msg, err := c.MessageSend(ctx, api.MessageSendParams{To: "bob", Text: "hello"})
//
// One request is one JSON-RPC 2.0 object on one line, and so is each answer
// and each notification (spec/api.md#transport):
//
//	{"jsonrpc":"2.0","id":1,"method":"message.send","params":{…}}\n
//	{"jsonrpc":"2.0","id":1,"result":{…}}\n
//	{"jsonrpc":"2.0","id":1,"error":{"code":…,"message":…,"data":{"kind":…}}}\n
//	{"jsonrpc":"2.0","method":"event","params":{"cursor":…,…}}\n
//
// Field names, error kinds and event types are promised to stay; text meant for
// people may change. Fields may be added to results, so a client ignores those
// it does not know, as this one does.
package api
