package daemon

// handlers is the table of what the API answers. A test holds it against
// api.Methods, so that neither has a method the other lacks.
func (d *Daemon) handlers() map[string]handler {
	return map[string]handler{
		"rpc.discover": method(d.discover),

		"node.status": method(d.nodeStatus),

		"account.create":         once(d, "account.create", d.accountCreate),
		"account.get":            method(d.accountGet),
		"account.update":         once(d, "account.update", d.accountUpdate),
		"account.recoveryPhrase": method(d.accountRecoveryPhrase),
		"account.lock":           once(d, "account.lock", d.accountLock),
		"account.unlock":         once(d, "account.unlock", d.accountUnlock),
		"account.setPassphrase":  once(d, "account.setPassphrase", d.accountSetPassphrase),

		"handle.claim":   once(d, "handle.claim", d.handleClaim),
		"handle.resolve": method(d.handleResolve),
		"handle.release": once(d, "handle.release", d.handleRelease),

		"contact.add":          once(d, "contact.add", d.contactAdd),
		"contact.list":         method(d.contactList),
		"contact.get":          method(d.contactGet),
		"contact.accept":       once(d, "contact.accept", d.contactAccept),
		"contact.decline":      once(d, "contact.decline", d.contactDecline),
		"contact.rename":       once(d, "contact.rename", d.contactRename),
		"contact.remove":       once(d, "contact.remove", d.contactRemove),
		"contact.block":        once(d, "contact.block", d.contactBlock),
		"contact.unblock":      once(d, "contact.unblock", d.contactUnblock),
		"contact.safetyNumber": method(d.contactSafetyNumber),
		"contact.verify":       once(d, "contact.verify", d.contactVerify),

		"invite.create": once(d, "invite.create", d.inviteCreate),
		"invite.open":   once(d, "invite.open", d.inviteOpen),
		"invite.list":   method(d.inviteList),
		"invite.revoke": once(d, "invite.revoke", d.inviteRevoke),

		"conversation.list":     method(d.conversationList),
		"conversation.get":      method(d.conversationGet),
		"conversation.markRead": once(d, "conversation.markRead", d.conversationMarkRead),
		"conversation.mute":     once(d, "conversation.mute", d.conversationMute),
		"conversation.clear":    once(d, "conversation.clear", d.conversationClear),

		// Not once: chat remembers the clientId in the transaction that stores
		// the message, which holds across a crash as well.
		"message.send":  inOrder(method(d.messageSend)),
		"message.list":  method(d.messageList),
		"message.get":   method(d.messageGet),
		"message.retry": once(d, "message.retry", d.messageRetry),

		"events.subscribe": method(d.eventsSubscribe),
	}
}
