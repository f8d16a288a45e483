package api

import "context"

// The methods below call the RPC method that their name spells: MessageSend
// calls message.send. methods.go says what each does.

// RPCDiscover calls rpc.discover.
func (c *Client) RPCDiscover(ctx context.Context) (OpenRPC, error) {
	return call[OpenRPC](ctx, c, "rpc.discover", nil)
}

// NodeStatus calls node.status.
func (c *Client) NodeStatus(ctx context.Context) (NodeStatus, error) {
	return call[NodeStatus](ctx, c, "node.status", nil)
}

// AccountCreate calls account.create.
func (c *Client) AccountCreate(ctx context.Context, p AccountCreateParams) (Account, error) {
	return call[Account](ctx, c, "account.create", p)
}

// AccountGet calls account.get.
func (c *Client) AccountGet(ctx context.Context) (Account, error) {
	return call[Account](ctx, c, "account.get", nil)
}

// AccountUpdate calls account.update.
func (c *Client) AccountUpdate(ctx context.Context, p AccountUpdateParams) (Account, error) {
	return call[Account](ctx, c, "account.update", p)
}

// AccountRecoveryPhrase calls account.recoveryPhrase.
func (c *Client) AccountRecoveryPhrase(ctx context.Context) (AccountRecoveryPhraseResult, error) {
	return call[AccountRecoveryPhraseResult](ctx, c, "account.recoveryPhrase", nil)
}

// AccountLock calls account.lock.
func (c *Client) AccountLock(ctx context.Context, p AccountLockParams) error {
	_, err := call[Empty](ctx, c, "account.lock", p)
	return err
}

// AccountUnlock calls account.unlock.
func (c *Client) AccountUnlock(ctx context.Context, p AccountUnlockParams) error {
	_, err := call[Empty](ctx, c, "account.unlock", p)
	return err
}

// AccountSetPassphrase calls account.setPassphrase.
func (c *Client) AccountSetPassphrase(ctx context.Context, p AccountSetPassphraseParams) error {
	_, err := call[Empty](ctx, c, "account.setPassphrase", p)
	return err
}

// HandleClaim calls handle.claim.
func (c *Client) HandleClaim(ctx context.Context, p HandleClaimParams) (HandleClaimResult, error) {
	return call[HandleClaimResult](ctx, c, "handle.claim", p)
}

// HandleResolve calls handle.resolve.
func (c *Client) HandleResolve(ctx context.Context, p HandleResolveParams) (HandleResolveResult, error) {
	return call[HandleResolveResult](ctx, c, "handle.resolve", p)
}

// HandleRelease calls handle.release.
func (c *Client) HandleRelease(ctx context.Context, p HandleReleaseParams) error {
	_, err := call[Empty](ctx, c, "handle.release", p)
	return err
}

// ContactAdd calls contact.add.
func (c *Client) ContactAdd(ctx context.Context, p ContactAddParams) (Contact, error) {
	return call[Contact](ctx, c, "contact.add", p)
}

// ContactList calls contact.list.
func (c *Client) ContactList(ctx context.Context, p ContactListParams) (ContactListResult, error) {
	return call[ContactListResult](ctx, c, "contact.list", p)
}

// ContactGet calls contact.get.
func (c *Client) ContactGet(ctx context.Context, p PeerParams) (Contact, error) {
	return call[Contact](ctx, c, "contact.get", p)
}

// ContactAccept calls contact.accept.
func (c *Client) ContactAccept(ctx context.Context, p PeerChangeParams) (Contact, error) {
	return call[Contact](ctx, c, "contact.accept", p)
}

// ContactDecline calls contact.decline.
func (c *Client) ContactDecline(ctx context.Context, p PeerChangeParams) error {
	_, err := call[Empty](ctx, c, "contact.decline", p)
	return err
}

// ContactRename calls contact.rename.
func (c *Client) ContactRename(ctx context.Context, p ContactRenameParams) (Contact, error) {
	return call[Contact](ctx, c, "contact.rename", p)
}

// ContactRemove calls contact.remove.
func (c *Client) ContactRemove(ctx context.Context, p PeerChangeParams) error {
	_, err := call[Empty](ctx, c, "contact.remove", p)
	return err
}

// ContactBlock calls contact.block.
func (c *Client) ContactBlock(ctx context.Context, p PeerChangeParams) (Contact, error) {
	return call[Contact](ctx, c, "contact.block", p)
}

// ContactUnblock calls contact.unblock.
func (c *Client) ContactUnblock(ctx context.Context, p PeerChangeParams) (Contact, error) {
	return call[Contact](ctx, c, "contact.unblock", p)
}

// ContactSafetyNumber calls contact.safetyNumber.
func (c *Client) ContactSafetyNumber(ctx context.Context, p PeerParams) (ContactSafetyNumberResult, error) {
	return call[ContactSafetyNumberResult](ctx, c, "contact.safetyNumber", p)
}

// ContactVerify calls contact.verify.
func (c *Client) ContactVerify(ctx context.Context, p ContactVerifyParams) (Contact, error) {
	return call[Contact](ctx, c, "contact.verify", p)
}

// InviteCreate calls invite.create.
func (c *Client) InviteCreate(ctx context.Context, p InviteCreateParams) (InviteCreateResult, error) {
	return call[InviteCreateResult](ctx, c, "invite.create", p)
}

// InviteOpen calls invite.open.
func (c *Client) InviteOpen(ctx context.Context, p InviteOpenParams) (Contact, error) {
	return call[Contact](ctx, c, "invite.open", p)
}

// InviteList calls invite.list.
func (c *Client) InviteList(ctx context.Context, p InviteListParams) (InviteListResult, error) {
	return call[InviteListResult](ctx, c, "invite.list", p)
}

// InviteRevoke calls invite.revoke.
func (c *Client) InviteRevoke(ctx context.Context, p InviteRevokeParams) error {
	_, err := call[Empty](ctx, c, "invite.revoke", p)
	return err
}

// ConversationList calls conversation.list.
func (c *Client) ConversationList(ctx context.Context, p ConversationListParams) (ConversationListResult, error) {
	return call[ConversationListResult](ctx, c, "conversation.list", p)
}

// ConversationGet calls conversation.get.
func (c *Client) ConversationGet(ctx context.Context, p ConversationGetParams) (Conversation, error) {
	return call[Conversation](ctx, c, "conversation.get", p)
}

// ConversationMarkRead calls conversation.markRead.
func (c *Client) ConversationMarkRead(ctx context.Context, p ConversationMarkReadParams) (Conversation, error) {
	return call[Conversation](ctx, c, "conversation.markRead", p)
}

// ConversationMute calls conversation.mute.
func (c *Client) ConversationMute(ctx context.Context, p ConversationMuteParams) (Conversation, error) {
	return call[Conversation](ctx, c, "conversation.mute", p)
}

// ConversationClear calls conversation.clear.
func (c *Client) ConversationClear(ctx context.Context, p ConversationClearParams) (Conversation, error) {
	return call[Conversation](ctx, c, "conversation.clear", p)
}

// MessageSend calls message.send.
func (c *Client) MessageSend(ctx context.Context, p MessageSendParams) (Message, error) {
	return call[Message](ctx, c, "message.send", p)
}

// MessageList calls message.list.
func (c *Client) MessageList(ctx context.Context, p MessageListParams) (MessageListResult, error) {
	return call[MessageListResult](ctx, c, "message.list", p)
}

// MessageGet calls message.get.
func (c *Client) MessageGet(ctx context.Context, p MessageGetParams) (Message, error) {
	return call[Message](ctx, c, "message.get", p)
}

// MessageRetry calls message.retry.
func (c *Client) MessageRetry(ctx context.Context, p MessageRetryParams) (Message, error) {
	return call[Message](ctx, c, "message.retry", p)
}

// EventsSubscribe calls events.subscribe.
func (c *Client) EventsSubscribe(ctx context.Context, p EventsSubscribeParams) (EventsSubscribeResult, error) {
	return call[EventsSubscribeResult](ctx, c, "events.subscribe", p)
}
