/** NATS servers that die, freeze, or stop listening to a slow client, while traffic flows. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { NatsBackplane } from '../../backplanes/nats/nats-backplane.ts';
import type { NatsSettings } from '../../backplanes/nats/settings.ts';
import { BackplaneNode, traffic } from '../support/backplane-node.ts';
import { currentNats, freePort, installedNats, NatsServer, startCluster } from '../support/nats.ts';
import { StoppableProxy } from '../support/stoppable-proxy.ts';
import { waitFor, withDeadline } from '../support/wait.ts';

type Node = BackplaneNode<NatsBackplane>;

const key = 'g:hub:fault';

async function nodeOn(
  context: TestContext,
  url: string,
  settings: Partial<NatsSettings> = {},
): Promise<Node> {
  const node = new BackplaneNode(new NatsBackplane(url, settings));
  context.after(() => node.backplane.close());
  await node.start();
  await node.backplane.subscribe(key);
  return node;
}

async function serverFor(context: TestContext, path: string, config = ''): Promise<NatsServer> {
  const server = new NatsServer(path, await freePort(), config);
  context.after(() => server.stop());
  return server.start();
}

async function waitForDown(node: Node): Promise<void> {
  await waitFor(() => !node.backplane.isUp(), { what: 'the link is down' });
}

function assertKnownOutcomes({ outcomes, received }: Node): void {
  assert.deepEqual(outcomes.strange, []);
  for (const texts of received.values()) {
    assert.equal(new Set(texts).size, texts.length, 'nothing arrives twice');
  }
}

for (const { missing, name, path = '' } of [installedNats(), currentNats()]) {
  describe(`faults of ${name}`, { skip: missing, concurrency: 4 }, () => {
    test('kill -9 and restart: nothing is accepted meanwhile, then traffic flows again', async (context) => {
      const server = await serverFor(context, path);
      const a = await nodeOn(context, server.url);
      const b = await nodeOn(context, server.url);
      await b.waitForFlow(key, a);
      const stream = traffic(a, key);
      context.after(() => stream.stop());
      await waitFor(() => b.texts(key).length > 20, { what: 'traffic flows' });
      await server.kill();
      await Promise.all([waitForDown(a), waitForDown(b)]);
      const { accepted } = a.outcomes;
      await waitFor(() => a.outcomes.unavailable > 20, { what: 'publishes are refused' });
      assert.equal(a.outcomes.accepted, accepted);
      const [up, ...downs] = a.links;
      assert.match(up ?? '', /^up nats-server \d/);
      for (const link of downs) assert.match(link, new RegExp(`^down .*${server.address}`));
      assert.equal(new Set(downs).size, downs.length, 'every reason is told once');
      const joined = b.backplane.subscribe('g:hub:joined in the outage');
      await server.start();
      await withDeadline(joined, { what: 'the join of the outage is confirmed' });
      await b.waitForFlow(key, a);
      await b.waitForFlow('g:hub:joined in the outage', a);
      await stream.stop();
      assert.ok(a.toldGap(key) && b.toldGap(key), 'both are told of the gap');
      assertKnownOutcomes(a);
      assertKnownOutcomes(b);
    });

    test('an outage of 10 s under load: memory stays bounded, and interest comes back', async (context) => {
      const server = await serverFor(context, path);
      const a = await nodeOn(context, server.url);
      const b = await nodeOn(context, server.url);
      const keys = Array.from({ length: 500 }, (_, index) => `g:hub:many ${index}`);
      await Promise.all(keys.map((each) => b.backplane.subscribe(each)));
      await server.kill();
      await Promise.all([waitForDown(a), waitForDown(b)]);
      const before = process.memoryUsage().rss;
      const text = 'x'.repeat(16_384);
      const end = performance.now() + 10_000;
      let attempts = 0;
      while (performance.now() < end) {
        await Promise.all(Array.from({ length: 100 }, () => a.publish(key, text)));
        attempts += 100;
        await new Promise((resolve) => {
          setImmediate(resolve);
        });
      }
      assert.equal(a.outcomes.accepted, 0);
      assert.equal(a.outcomes.unavailable, attempts);
      const grown = process.memoryUsage().rss - before;
      // What was refused would be hundreds of MB.
      assert.ok(attempts * text.length > 4 * 128e6, `only ${attempts} attempts`);
      assert.ok(grown < 128e6, `grew by ${grown} bytes over ${attempts} publishes`);
      await server.start();
      for (const each of keys.slice(-3)) await b.waitForFlow(each, a);
      await Promise.all(keys.map((each) => a.publish(each, 'all of them')));
      await waitFor(() => keys.every((each) => b.texts(each).includes('all of them')), {
        what: 'every interest is back',
      });
      assertKnownOutcomes(b);
    });

    test('a frozen server: publishes are answered in time, memory is bounded, it heals', async (context) => {
      const server = await serverFor(context, path);
      const bound = { inflightBytesMax: 1_000_000, publishTimeoutMs: 500 };
      const a = await nodeOn(context, server.url, bound);
      const b = await nodeOn(context, server.url, bound);
      await b.waitForFlow(key, a);
      server.signal('SIGSTOP');
      const text = 'x'.repeat(10_000);
      const publishes = Array.from({ length: 1000 }, () => a.publish(key, text));
      const outcomes = await withDeadline(Promise.all(publishes), {
        what: 'every publish has an answer',
      });
      assert.equal(outcomes.filter((outcome) => outcome === 'unknown').length, 100);
      assert.equal(outcomes.filter((outcome) => outcome === 'unavailable').length, 900);
      assert.equal(await a.publish(key, text), 'unavailable', 'what waits still counts');
      await Promise.all([waitForDown(a), waitForDown(b)]);
      const isRefused = b.backplane.subscribe('g:hub:frozen');
      await assert.rejects(isRefused, /no server confirmed it within 500 ms/);
      server.signal('SIGCONT');
      await b.waitForFlow(key, a);
      assert.ok(b.toldGap(key));
      assert.deepEqual([a.outcomes.strange, b.outcomes.strange], [[], []]);
    });

    test('a client that reads too slowly is cut off, is told, and slows nobody', async (context) => {
      const limits = 'max_pending: 1MB\nwrite_deadline: "1s"';
      const server = await serverFor(context, path, limits);
      const proxy = new StoppableProxy(server.port);
      const port = await proxy.listen();
      context.after(() => proxy.close());
      const a = await nodeOn(context, server.url);
      // Its own canary is switched off, so that only the server can end the connection.
      const slow = await nodeOn(context, `nats://127.0.0.1:${port}`, {
        probeIntervalMs: 3_600_000,
      });
      await slow.waitForFlow(key, a);
      proxy.stopReading();
      const large = 'x'.repeat(500_000);
      await waitFor(
        async () => {
          assert.equal(await a.publish(key, large), 'accepted');
          return server.log().includes('Slow Consumer Detected');
        },
        { what: 'the server has noticed the slow consumer' },
      );
      proxy.readAgain();
      await waitFor(() => slow.gaps.length > 0, { what: 'the slow node is told of the gap' });
      await slow.waitForFlow(key, a);
      assert.equal(a.gaps.length, 0);
    });

    test('a cluster loses the server of one node: the node moves to another', async (context) => {
      const servers = await startCluster(path);
      context.after(() => Promise.all(servers.map((server) => server.stop())));
      const [first, second] = servers;
      const a = await nodeOn(context, first?.url ?? '');
      // It knows of the others by what the server told.
      const b = await nodeOn(context, second?.url ?? '');
      await b.waitForFlow(key, a);
      await second?.kill();
      await waitFor(() => b.links.length >= 3, { what: 'b is up again elsewhere' });
      await b.waitForFlow(key, a);
      assert.ok(b.toldGap(key));
      await waitFor(() => b.gaps.length >= 2, { what: 'a second gap is told for the spreading' });
      assert.equal(a.gaps.length, 0);
      assertKnownOutcomes(b);
    });

    test('a server in lame duck mode: the node moves before it is thrown out', async (context) => {
      const servers = await startCluster(path, 'lame_duck_duration: "30s"');
      context.after(() => Promise.all(servers.map((server) => server.stop())));
      const [first, second] = servers;
      const a = await nodeOn(context, first?.url ?? '');
      const b = await nodeOn(context, second?.url ?? '');
      await b.waitForFlow(key, a);
      second?.signal('SIGUSR2');
      await waitFor(() => b.links.length >= 3, { what: 'b is up again elsewhere' });
      assert.match(b.links[1] ?? '', /shutting down/);
      assert.equal(second?.isRunning(), true);
      await b.waitForFlow(key, a);
      assertKnownOutcomes(a);
    });
  });
}
