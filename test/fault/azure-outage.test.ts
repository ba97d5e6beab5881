/**
 * The service of the Azure backplane goes away, is cut off, or falls silent while traffic flows. A
 * Trunkline gateway plays the service.
 */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { AzureBackplane } from '../../backplanes/azure/azure-backplane.ts';
import type { AzureSettings } from '../../backplanes/azure/settings.ts';
import { BackplaneNode, traffic } from '../support/backplane-node.ts';
import { startTestGateway, testAccessKey, type TestGateway } from '../support/gateway.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor, withDeadline } from '../support/wait.ts';

type Node = BackplaneNode<AzureBackplane>;

const key = 'g:hub:fault';
const otherKey = 'an access key that nobody else has, 32 bytes';

/** The service behind a proxy: tokens are for the proxy's address, which stays when it moves. */
class Service {
  readonly proxy: TcpProxy;
  #endpoint = '';
  #gateway: TestGateway;

  private constructor(gateway: TestGateway) {
    this.#gateway = gateway;
    this.proxy = new TcpProxy(gateway.gateway.port);
  }

  static async start(context: TestContext): Promise<Service> {
    const service = new Service(await startTestGateway());
    service.#endpoint = `http://127.0.0.1:${await service.proxy.listen()}`;
    context.after(async () => {
      await service.proxy.close();
      await service.#gateway.stop();
    });
    // Only now is known by which address it is known.
    await service.stop();
    await service.restart();
    return service;
  }

  get host(): string {
    return new URL(this.#endpoint).host;
  }

  get connectionString(): string {
    return `Endpoint=${this.#endpoint};AccessKey=${testAccessKey};Version=1.0;`;
  }

  stop(): Promise<void> {
    return this.#gateway.stop();
  }

  /** A new process of the service, at the address of the old one. */
  async restart(accessKey = testAccessKey): Promise<void> {
    this.#gateway = await startTestGateway({
      accessKeys: [accessKey],
      publicEndpoints: [this.#endpoint],
    });
    this.proxy.targetPort = this.#gateway.gateway.port;
  }
}

async function nodeOn(
  context: TestContext,
  service: Service,
  settings: Partial<AzureSettings> = {},
): Promise<Node> {
  const { connectionString } = service;
  const backplane = new AzureBackplane('azure://?hub=faults', { ...settings, connectionString });
  const node = new BackplaneNode(backplane);
  context.after(() => backplane.close());
  await node.start();
  await backplane.subscribe(key);
  return node;
}

async function waitForDown(...nodes: readonly Node[]): Promise<void> {
  const isDown = (node: Node): boolean => !node.backplane.isUp();
  await waitFor(() => nodes.every(isDown), { what: 'the link is down', deadlineMs: 20_000 });
}

/** Traffic of the new connection may arrive a moment earlier. */
async function waitForGap(...nodes: readonly Node[]): Promise<void> {
  await waitFor(() => nodes.every((node) => node.toldGap(key)), { what: 'the gap is told' });
}

function assertKnownOutcomes({ backplane, outcomes, received }: Node): void {
  assert.deepEqual(outcomes.strange, []);
  assert.equal(backplane.counters.strange, 0);
  for (const texts of received.values()) {
    assert.equal(new Set(texts).size, texts.length, 'nothing arrives twice');
  }
}

describe('faults of the service behind azure:', { concurrency: 4 }, () => {
  test('azure: a service that restarts: nothing is accepted meanwhile, then traffic flows again', async (context) => {
    const service = await Service.start(context);
    const a = await nodeOn(context, service);
    const b = await nodeOn(context, service);
    await b.waitForFlow(key, a);
    const stream = traffic(a, key);
    await waitFor(() => b.texts(key).length > 20, { what: 'traffic flows' });
    await service.stop();
    await waitForDown(a, b);
    const { accepted } = a.outcomes;
    await waitFor(() => a.outcomes.unavailable > 20, { what: 'publishes are refused' });
    assert.equal(a.outcomes.accepted, accepted);
    assert.match(a.links[1] ?? '', new RegExp(`^down .*${service.host}`));
    const joined = b.backplane.subscribe('g:hub:joined in the outage');
    await service.restart();
    await withDeadline(joined, { what: 'the join of the outage is confirmed' });
    await b.waitForFlow(key, a);
    await b.waitForFlow('g:hub:joined in the outage', a);
    await stream.stop();
    await waitForGap(a, b);
    assertKnownOutcomes(a);
    assertKnownOutcomes(b);
  });

  test('azure: a connection that is cut: what was on its way is unknown, and every group is back', async (context) => {
    const service = await Service.start(context);
    const a = await nodeOn(context, service);
    const b = await nodeOn(context, service);
    const keys = Array.from({ length: 300 }, (_, index) => `g:hub:cut ${index}`);
    await Promise.all(keys.map((each) => b.backplane.subscribe(each)));
    await b.waitForFlow(key, a);
    const { messages } = a.backplane.counters;
    service.proxy.swallow();
    const lost = Promise.all(keys.map((each) => a.publish(each, 'lost')));
    await waitFor(() => a.backplane.counters.messages > messages, {
      what: 'messages are on their way',
    });
    service.proxy.heal();
    const outcomes = await withDeadline(lost, { what: 'every publish has an answer' });
    assert.ok(outcomes.includes('unknown'));
    assert.ok(!outcomes.includes('accepted'));
    await waitFor(() => a.links.length >= 3 && b.links.length >= 3, { what: 'both are up again' });
    await waitForGap(a, b);
    await Promise.all(keys.map((each) => a.publish(each, 'all of them')));
    await waitFor(() => keys.every((each) => b.texts(each).includes('all of them')), {
      what: 'every group is back',
    });
    assertKnownOutcomes(b);
  });

  test('azure: a service that falls silent is noticed, and left for a new connection', async (context) => {
    const service = await Service.start(context);
    const pace = { pingIntervalMs: 300, publishTimeoutMs: 200, connectTimeoutMs: 500 };
    const a = await nodeOn(context, service, pace);
    const b = await nodeOn(context, service, pace);
    await b.waitForFlow(key, a);
    service.proxy.swallow();
    assert.equal(await a.publish(key, 'into the hole'), 'unknown');
    await waitForDown(a, b);
    assert.match(a.links[1] ?? '', /does not answer pings/);
    assert.equal(await a.publish(key, 'down'), 'unavailable');
    await assert.rejects(b.backplane.subscribe('g:hub:in the hole'), /within 200 ms/);
    service.proxy.heal();
    await b.waitForFlow(key, a);
    await waitForGap(b);
    assertKnownOutcomes(a);
    assertKnownOutcomes(b);
  });

  test('azure: publishes into silence are bounded in number and bytes', async (context) => {
    const service = await Service.start(context);
    const bound = { inflightBytesMax: 1_000_000, publishTimeoutMs: 500 };
    const a = await nodeOn(context, service, bound);
    service.proxy.swallow();
    const text = 'x'.repeat(10_000);
    const publishes = Array.from({ length: 1000 }, () => a.publish(key, text));
    const outcomes = await withDeadline(Promise.all(publishes), {
      what: 'every publish has an answer',
    });
    assert.equal(outcomes.filter((outcome) => outcome === 'unknown').length, 100);
    assert.equal(outcomes.filter((outcome) => outcome === 'unavailable').length, 900);
    assert.equal(await a.publish(key, text), 'unavailable', 'what waits still counts');
    service.proxy.heal();
    await a.waitForFlow(key, a);
    assertKnownOutcomes(a);
  });

  test('azure: a key that is no longer good keeps the node out, and says so, until it is again', async (context) => {
    const service = await Service.start(context);
    const a = await nodeOn(context, service);
    await a.waitForFlow(key, a);
    await service.stop();
    await service.restart(otherKey);
    await waitFor(() => a.links.some((link) => /refuses the access key \(401\)/.test(link)), {
      what: 'the node says that its key is refused',
    });
    assert.equal(await a.publish(key, 'x'), 'unavailable');
    const late = new AzureBackplane('azure://?hub=faults', service);
    await assert.rejects(
      new BackplaneNode(late).start(),
      /Cannot use Azure Web PubSub at \S+: the service refuses the access key/,
    );
    await service.stop();
    await service.restart();
    await a.waitForFlow(key, a);
    assertKnownOutcomes(a);
    assert.ok(![...a.links].join().includes(testAccessKey));
  });

  test('azure: a service that is not there fails the start with its address', async () => {
    const connectionString = `Endpoint=http://127.0.0.1:9;AccessKey=${testAccessKey};`;
    const settings = { connectionString, startTimeoutMs: 500 };
    const node = new BackplaneNode(new AzureBackplane('azure://', settings));
    await assert.rejects(
      node.start(),
      /Cannot use Azure Web PubSub at 127\.0\.0\.1:9 within 500 ms: connection refused/,
    );
  });

  test('azure: nodes that spread keys differently do not start side by side', async (context) => {
    const service = await Service.start(context);
    await nodeOn(context, service);
    const other = new AzureBackplane('azure://?hub=faults&shards=32', service);
    await assert.rejects(new BackplaneNode(other).start(), /over 64 shards, this one over 32/);
    assert.equal(other.isUp(), false);
  });
});
