// A control plane on go-control-plane's snapshot cache, for tests: one snapshot for every node.
//
//	xds-server GRPC-ADDRESS HTTP-ADDRESS
//
// PUT  /snapshot        {"version": "1", "clusters": [...], "endpoints": [...]} in the JSON of protobuf
// GET  /heard           what clients have said so far
// POST /encode?type=T   JSON to the bytes of the message T
// POST /decode?type=T   and back
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/least_request/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/maglev/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/random/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/ring_hash/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/round_robin/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/wrr_locality/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

type everyNode struct{}

func (everyNode) ID(*core.Node) string { return "every" }

type said struct {
	Stream  int64    `json:"stream"`
	Node    string   `json:"node"`
	Type    string   `json:"type"`
	Names   []string `json:"names"`
	Version string   `json:"version"`
	Nonce   string   `json:"nonce"`
	Error   string   `json:"error"`
}

type record struct {
	sync.Mutex
	heard []said
}

func (r *record) add(s said) {
	r.Lock()
	defer r.Unlock()
	r.heard = append(r.heard, s)
}

func read(raw []json.RawMessage, make func() types.Resource) ([]types.Resource, error) {
	var all []types.Resource
	for _, one := range raw {
		m := make()
		if err := protojson.Unmarshal(one, m); err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

func message(q *http.Request) (proto.Message, error) {
	t, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(q.URL.Query().Get("type")))
	if err != nil {
		return nil, err
	}
	return t.New().Interface(), nil
}

func answering(do func(q *http.Request) ([]byte, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, q *http.Request) {
		out, err := do(q)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		_, _ = w.Write(out)
	}
}

func main() {
	snapshots := cache.NewSnapshotCache(false, everyNode{}, nil)
	r := &record{heard: []said{}}
	callbacks := server.CallbackFuncs{
		StreamRequestFunc: func(id int64, m *discovery.DiscoveryRequest) error {
			r.add(said{id, m.GetNode().GetId(), m.GetTypeUrl(), m.GetResourceNames(), m.GetVersionInfo(), m.GetResponseNonce(), m.GetErrorDetail().GetMessage()})
			return nil
		},
		StreamDeltaRequestFunc: func(id int64, m *discovery.DeltaDiscoveryRequest) error {
			r.add(said{id, m.GetNode().GetId(), m.GetTypeUrl(), m.GetResourceNamesSubscribe(), "", m.GetResponseNonce(), m.GetErrorDetail().GetMessage()})
			return nil
		},
	}
	// As go-control-plane's own example has it.
	g := grpc.NewServer(
		grpc.MaxConcurrentStreams(1000000),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 30 * time.Second, Timeout: 5 * time.Second}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 30 * time.Second, PermitWithoutStream: true}),
	)
	discovery.RegisterAggregatedDiscoveryServiceServer(g, server.NewServer(context.Background(), snapshots, callbacks))

	http.HandleFunc("/snapshot", answering(func(q *http.Request) ([]byte, error) {
		var in struct {
			Version             string
			Clusters, Endpoints []json.RawMessage
		}
		if err := json.NewDecoder(q.Body).Decode(&in); err != nil {
			return nil, err
		}
		cs, err := read(in.Clusters, func() types.Resource { return &cluster.Cluster{} })
		if err != nil {
			return nil, err
		}
		es, err := read(in.Endpoints, func() types.Resource { return &endpoint.ClusterLoadAssignment{} })
		if err != nil {
			return nil, err
		}
		s, err := cache.NewSnapshot(in.Version, map[resource.Type][]types.Resource{resource.ClusterType: cs, resource.EndpointType: es})
		if err != nil {
			return nil, err
		}
		return []byte("ok"), snapshots.SetSnapshot(q.Context(), "every", s)
	}))
	http.HandleFunc("/heard", answering(func(*http.Request) ([]byte, error) {
		r.Lock()
		defer r.Unlock()
		return json.Marshal(r.heard)
	}))
	http.HandleFunc("/encode", answering(func(q *http.Request) ([]byte, error) {
		m, err := message(q)
		if err != nil {
			return nil, err
		}
		in, err := io.ReadAll(q.Body)
		if err == nil {
			err = protojson.Unmarshal(in, m)
		}
		if err != nil {
			return nil, err
		}
		return proto.Marshal(m)
	}))
	http.HandleFunc("/decode", answering(func(q *http.Request) ([]byte, error) {
		m, err := message(q)
		if err != nil {
			return nil, err
		}
		in, err := io.ReadAll(q.Body)
		if err == nil {
			err = proto.Unmarshal(in, m)
		}
		if err != nil {
			return nil, err
		}
		return protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
	}))

	l, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	h, err := net.Listen("tcp", os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	go func() { _ = http.Serve(h, nil) }()
	if err := g.Serve(l); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
