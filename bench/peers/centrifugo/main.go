// The engine of Centrifugo as a server under test: JSON protocol over WebSocket, one token and its
// signature checked per connection, the broker in memory or in Redis. Everybody may subscribe and
// publish, as with Centrifugo's allow_subscribe_for_client and allow_publish_for_client.
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"net/http"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/centrifugal/centrifuge"
)

type settings struct {
	address  string
	key      string
	redis    string
	retained int
}

const retainedFor = 10 * time.Minute

func main() {
	var s settings
	flag.StringVar(&s.address, "address", "127.0.0.1:8000", "where it listens")
	flag.StringVar(&s.key, "key", "", "key of the tokens (HS256)")
	flag.StringVar(&s.redis, "redis", "", "URL of Redis; empty: in memory")
	flag.IntVar(&s.retained, "retained", 0, "messages retained per channel for recovery")
	flag.Parse()
	if err := run(s); err != nil {
		log.Fatal(err)
	}
}

func run(s settings) error {
	node, err := centrifuge.New(centrifuge.Config{})
	if err != nil {
		return err
	}
	if err := useBroker(node, s.redis); err != nil {
		return err
	}
	node.OnConnecting(func(_ context.Context, event centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		claims, err := verify(event.Token, []byte(s.key), time.Now())
		if err != nil {
			return centrifuge.ConnectReply{}, centrifuge.DisconnectInvalidToken
		}
		credentials := &centrifuge.Credentials{UserID: claims.Subject, ExpireAt: claims.ExpiresAt}
		return centrifuge.ConnectReply{Credentials: credentials}, nil
	})
	node.OnConnect(func(client *centrifuge.Client) { serve(client, s.retained) })
	if err := node.Run(); err != nil {
		return err
	}
	return listen(node, s.address)
}

func useBroker(node *centrifuge.Node, redis string) error {
	if redis == "" {
		return nil
	}
	shard, err := centrifuge.NewRedisShard(node, centrifuge.RedisShardConfig{Address: redis})
	if err != nil {
		return err
	}
	broker, err := centrifuge.NewRedisBroker(node, centrifuge.RedisBrokerConfig{
		Shards: []*centrifuge.RedisShard{shard},
	})
	if err != nil {
		return err
	}
	node.SetBroker(broker)
	return nil
}

func serve(client *centrifuge.Client, retained int) {
	client.OnSubscribe(func(_ centrifuge.SubscribeEvent, done centrifuge.SubscribeCallback) {
		options := centrifuge.SubscribeOptions{EnableRecovery: retained > 0}
		done(centrifuge.SubscribeReply{Options: options}, nil)
	})
	client.OnPublish(func(_ centrifuge.PublishEvent, done centrifuge.PublishCallback) {
		options := centrifuge.PublishOptions{}
		if retained > 0 {
			options.HistorySize = retained
			options.HistoryTTL = retainedFor
		}
		done(centrifuge.PublishReply{Options: options}, nil)
	})
}

func listen(node *centrifuge.Node, address string) error {
	mux := http.NewServeMux()
	mux.Handle("/connection/websocket", centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{}))
	mux.HandleFunc("/healthz", func(response http.ResponseWriter, _ *http.Request) {
		response.WriteHeader(http.StatusOK)
	})
	// Readings of memory are taken after a collection, as with the others.
	mux.HandleFunc("/collect", func(response http.ResponseWriter, _ *http.Request) {
		debug.FreeOSMemory()
		response.WriteHeader(http.StatusOK)
	})
	server := &http.Server{Addr: address, Handler: mux}
	stop, release := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer release()
	go func() {
		<-stop.Done()
		_ = server.Close()
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
