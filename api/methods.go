package api

import "reflect"

// Method describes one RPC method: everything that is generated about it
// (documents, schemas, checks) comes from here.
type Method struct {
	Name    string       // "subject.verb"
	Summary string       // one line, for people
	Params  reflect.Type // struct of the parameters
	Result  reflect.Type // struct of the result
	Changes bool         // whether it changes something, and so takes clientId
}

func reads[P, R any](name, summary string) Method {
	return Method{name, summary, reflect.TypeFor[P](), reflect.TypeFor[R](), false}
}

func changes[P, R any](name, summary string) Method {
	return Method{name, summary, reflect.TypeFor[P](), reflect.TypeFor[R](), true}
}

// Methods returns every method of the API, by subject.
func Methods() []Method {
	return []Method{
		reads[Empty, OpenRPC]("rpc.discover", "the OpenRPC document of this API"),

		reads[Empty, NodeStatus]("node.status", "how this device stands in the network"),

		changes[AccountCreateParams, Account]("account.create", "make the account of this data folder, and claim a handle if one is given"),
		reads[Empty, Account]("account.get", "the account of this data folder"),
		changes[AccountUpdateParams, Account]("account.update", "change the display name"),
		reads[Empty, AccountRecoveryPhraseResult]("account.recoveryPhrase", "the words that bring the account back after a lost disk"),
		changes[AccountLockParams, Empty]("account.lock", "stop, forget the keys, and wait for the passphrase"),
		changes[AccountUnlockParams, Empty]("account.unlock", "open a locked data folder"),
		changes[AccountSetPassphraseParams, Empty]("account.setPassphrase", "protect the data folder with a passphrase, or change or remove it"),

		changes[HandleClaimParams, HandleClaimResult]("handle.claim", "claim a name, so that others find this account by it"),
		reads[HandleResolveParams, HandleResolveResult]("handle.resolve", "who claims a handle, as far as the network knows"),
		changes[HandleReleaseParams, Empty]("handle.release", "give up the claim"),

		changes[ContactAddParams, Contact]("contact.add", "ask somebody to be a contact"),
		reads[ContactListParams, ContactListResult]("contact.list", "contacts and requests"),
		reads[PeerParams, Contact]("contact.get", "one contact"),
		changes[PeerChangeParams, Contact]("contact.accept", "accept a request"),
		changes[PeerChangeParams, Empty]("contact.decline", "turn a request down; they are not told"),
		changes[ContactRenameParams, Contact]("contact.rename", "give a contact a petname"),
		changes[PeerChangeParams, Empty]("contact.remove", "forget a contact"),
		changes[PeerChangeParams, Contact]("contact.block", "take nothing more from somebody; they are not told"),
		changes[PeerChangeParams, Contact]("contact.unblock", "end a block"),
		reads[PeerParams, ContactSafetyNumberResult]("contact.safetyNumber", "the number to compare with a contact over another way"),
		changes[ContactVerifyParams, Contact]("contact.verify", "mark a contact as verified, if the safety number is right"),

		changes[InviteCreateParams, InviteCreateResult]("invite.create", "make a link that makes whoever opens it a contact"),
		changes[InviteOpenParams, Contact]("invite.open", "open a link somebody gave us"),
		reads[InviteListParams, InviteListResult]("invite.list", "invites that can still be used"),
		changes[InviteRevokeParams, Empty]("invite.revoke", "make an invite worthless"),

		reads[ConversationListParams, ConversationListResult]("conversation.list", "conversations, the one with the latest message last"),
		reads[ConversationGetParams, Conversation]("conversation.get", "one conversation"),
		changes[ConversationMarkReadParams, Conversation]("conversation.markRead", "mark messages as read"),
		changes[ConversationMuteParams, Conversation]("conversation.mute", "no notifications for a while"),
		changes[ConversationClearParams, Conversation]("conversation.clear", "delete its messages on this device"),

		changes[MessageSendParams, Message]("message.send", "send a message; it is on disk when this answers, and goes out when there is a way"),
		reads[MessageListParams, MessageListResult]("message.list", "messages of a conversation"),
		reads[MessageGetParams, Message]("message.get", "one message"),
		changes[MessageRetryParams, Message]("message.retry", "try again to deliver a message that failed or waits"),

		reads[EventsSubscribeParams, EventsSubscribeResult]("events.subscribe", "have events sent on this connection, in place of what it was subscribed to before"),
	}
}
