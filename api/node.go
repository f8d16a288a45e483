package api

// NodeStatus is the result of node.status and the data of node.changed.
type NodeStatus struct {
	PeerID       string       `json:"peerId" doc:"libp2p peer ID of this device"`
	Addresses    List[string] `json:"addresses" doc:"full multiaddrs with /p2p/ at which this device may be reached"`
	Version      string       `json:"version" doc:"version of the program"`
	Uptime       int64        `json:"uptime" doc:"seconds since the start"`
	Peers        int          `json:"peers" doc:"peers connected now"`
	DHT          DHTStatus    `json:"dht" doc:"the two routing tables"`
	Reachability Reachability `json:"reachability" doc:"whether others can dial this device"`
	Relays       List[string] `json:"relays" doc:"peer IDs of the relays that hold a reservation for this device"`
	Mailboxes    List[string] `json:"mailboxes" doc:"accounts that store messages for this account while it is offline"`
	Traffic      Traffic      `json:"traffic" doc:"bytes since the start"`
	Storage      Storage      `json:"storage" doc:"disk use"`
}

// DHTStatus describes the routing tables: wide area and local network.
type DHTStatus struct {
	WAN TableStatus `json:"wan" doc:"peers of the whole network"`
	LAN TableStatus `json:"lan" doc:"peers of the local network"`
}

// TableStatus describes one routing table.
type TableStatus struct {
	Mode TableMode `json:"mode" doc:"server: stores records for others; client: only asks"`
	Size int       `json:"size" doc:"peers in the table"`
}

// TableMode says which side of the DHT this device takes.
type TableMode string

// The modes of a routing table.
const (
	ModeServer TableMode = "server"
	ModeClient TableMode = "client"
)

// Enum lists the values.
func (TableMode) Enum() []string { return []string{"server", "client"} }

// Reachability says whether others can dial this device.
type Reachability string

// The values of Reachability.
const (
	ReachableUnknown Reachability = "unknown"
	ReachablePublic  Reachability = "public"
	ReachablePrivate Reachability = "private"
)

// Enum lists the values.
func (Reachability) Enum() []string { return []string{"unknown", "public", "private"} }

// Traffic counts bytes since the start.
type Traffic struct {
	In  uint64 `json:"in" doc:"bytes received"`
	Out uint64 `json:"out" doc:"bytes sent"`
}

// Storage counts the data folder.
type Storage struct {
	Bytes int64 `json:"bytes" doc:"size of the store on disk"`
}
