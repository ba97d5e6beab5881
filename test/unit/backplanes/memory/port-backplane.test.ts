/** What the suite of all backplanes cannot see: slow and dead ends of a link, and its batches. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  BackplaneUnavailableError,
  PublishOutcomeUnknownError,
} from '../../../../backplanes/backplane.ts';
import {
  PortBackplane,
  type PortBackplaneOptions,
} from '../../../../backplanes/memory/port-backplane.ts';
import { PortBroker } from '../../../../backplanes/memory/port-broker.ts';
import type {
  ParentPort,
  Port,
  ReplyBatch,
  RequestBatch,
  WorkerPort,
} from '../../../../backplanes/memory/port.ts';
import { waitFor } from '../../../support/wait.ts';

/** Both ends of a link in one process, which a test can stop and cut. */
class Link {
  readonly worker: WorkerPort;
  readonly parent: ParentPort;
  readonly requests: RequestBatch[] = [];
  readonly replies: ReplyBatch[] = [];
  /** True: the system does not take what the parent sends. */
  isStuck = false;
  readonly #stuck: (() => void)[] = [];
  readonly #onClose: (() => void)[] = [];
  #toWorker: (message: ReplyBatch) => void = () => undefined;
  #toParent: (message: RequestBatch) => void = () => undefined;

  constructor() {
    const onClose = (listener: () => void): void => void this.#onClose.push(listener);
    this.worker = {
      post: (message, onTaken) => {
        this.requests.push(message);
        setImmediate(() => this.#toParent(message));
        setImmediate(onTaken);
      },
      onMessage: (listener) => {
        this.#toWorker = listener;
      },
      onClose,
    };
    this.parent = {
      post: (message, onTaken) => {
        const deliver = (): void => {
          this.replies.push(message);
          this.#toWorker(message);
          onTaken();
        };
        if (this.isStuck) this.#stuck.push(deliver);
        else setImmediate(deliver);
      },
      onMessage: (listener) => {
        this.#toParent = listener;
      },
      onClose,
    } satisfies Port<ReplyBatch, RequestBatch>;
  }

  unstick(): void {
    this.isStuck = false;
    for (const deliver of this.#stuck.splice(0)) deliver();
  }

  close(): void {
    for (const listener of this.#onClose) listener();
  }
}

interface Worker {
  readonly backplane: PortBackplane;
  readonly link: Link;
  /** What the sink was told, in order. */
  readonly events: string[];
}

async function startWorker(
  broker: PortBroker,
  options: Partial<PortBackplaneOptions> = {},
): Promise<Worker> {
  const link = new Link();
  broker.attach(link.parent);
  const backplane = new PortBackplane({ port: link.worker, ...options });
  const events: string[] = [];
  await backplane.start({
    onEnvelope: (key, bytes) => events.push(`${key} ${Buffer.from(bytes).toString()}`),
    onGap: (keys, reason) => events.push(`gap ${String(keys)} ${reason}`),
    onLink: (state) => events.push(state),
  });
  return { backplane, link, events };
}

const bytesOf = (text: string): Uint8Array => Buffer.from(text);

describe('port backplane', () => {
  test('batches: what is published in one turn travels as one message, either way', async () => {
    const broker = new PortBroker();
    const a = await startWorker(broker);
    const b = await startWorker(broker);
    await b.backplane.subscribe('k');
    const [requestsBefore, repliesBefore] = [a.link.requests.length, b.link.replies.length];
    const texts = Array.from({ length: 100 }, (_, index) => `k ${index}`);
    await Promise.all(
      texts.map((text) => a.backplane.publish('k', bytesOf(text.replace('k ', '')))),
    );
    await waitFor(() => b.events.length === 101, { what: 'all have arrived' });
    assert.deepEqual(b.events, ['up', ...texts]);
    assert.equal(a.link.requests.length, requestsBefore + 1);
    assert.equal(b.link.replies.length, repliesBefore + 1);
  });

  test('a slow worker: its queue is dropped beyond the bound, and it is told before what follows', async () => {
    const broker = new PortBroker({ queueBytesMax: 10_000 });
    const a = await startWorker(broker);
    const b = await startWorker(broker);
    await b.backplane.subscribe('k');
    b.link.isStuck = true;
    await a.backplane.publish('k', bytesOf('on its way'));
    for (let index = 0; index < 50; index += 1) {
      await a.backplane.publish('k', new Uint8Array(1000));
    }
    assert.equal(broker.overflows, 1);
    assert.equal(broker.queuedBytes, 0);
    b.link.unstick();
    await waitFor(() => b.events.includes('gap all overflow'), { what: 'the gap is told' });
    await a.backplane.publish('k', bytesOf('after'));
    await waitFor(() => b.events.includes('k after'), { what: 'live traffic goes on' });
    assert.deepEqual(b.events, ['up', 'k on its way', 'gap all overflow', 'k after']);
  });

  test('a slow worker: what waits does not hold on to the batch that it came in', async () => {
    const broker = new PortBroker({ queueBytesMax: 10_000 });
    const a = await startWorker(broker);
    const b = await startWorker(broker);
    await b.backplane.subscribe('k');
    b.link.isStuck = true;
    await a.backplane.publish('k', bytesOf('on its way'));
    await Promise.all([
      a.backplane.publish('nobody', new Uint8Array(100_000)),
      a.backplane.publish('k', bytesOf('small')),
    ]);
    assert.ok(broker.queuedBytes < 1000);
    // The worker changes the batch's memory; a view of it would show.
    a.link.requests.at(-1)?.body.fill(0);
    b.link.unstick();
    await waitFor(() => b.events.includes('k small'), { what: 'the small one arrives' });
  });

  test('a dead worker: it is not counted any more at once', async () => {
    const broker = new PortBroker();
    const a = await startWorker(broker);
    const b = await startWorker(broker);
    await Promise.all([a.backplane.subscribe('k'), b.backplane.subscribe('k')]);
    assert.equal((await a.backplane.publish('k', bytesOf('1'))).receivers, 2);
    b.link.close();
    assert.equal((await a.backplane.publish('k', bytesOf('2'))).receivers, 1);
    assert.equal(broker.queuedBytes, 0);
  });

  test('a dead parent: nothing is accepted, and what was sent has an unknown outcome', async () => {
    const { backplane, events, link } = await startWorker(new PortBroker());
    link.isStuck = true;
    const sent = backplane.publish('k', bytesOf('1'));
    const joined = backplane.subscribe('k');
    const before = link.requests.length;
    await waitFor(() => link.requests.length > before, { what: 'the batch is sent' });
    const unsent = backplane.publish('k', bytesOf('2'));
    link.close();
    link.close();
    await assert.rejects(sent, PublishOutcomeUnknownError);
    await assert.rejects(joined, BackplaneUnavailableError);
    await assert.rejects(unsent, BackplaneUnavailableError);
    await assert.rejects(backplane.publish('k', bytesOf('3')), BackplaneUnavailableError);
    assert.equal(backplane.isUp(), false);
    assert.deepEqual(events, ['up', 'down']);
    await backplane.close();
  });

  test('a silent parent: a publish fails as unknown, and later replies find their requests', async () => {
    const { backplane, link } = await startWorker(new PortBroker(), { answerTimeoutMs: 20 });
    link.isStuck = true;
    await assert.rejects(backplane.publish('k', bytesOf('1')), PublishOutcomeUnknownError);
    await assert.rejects(backplane.subscribe('k'), BackplaneUnavailableError);
    link.unstick();
    // The subscribe was carried out, though too late for its caller.
    assert.equal((await backplane.publish('k', bytesOf('2'))).receivers, 1);
    await backplane.close();
  });

  test('a parent that nobody serves: the start fails', async () => {
    const link = new Link();
    const backplane = new PortBackplane({ port: link.worker, answerTimeoutMs: 10 });
    const sink = { onEnvelope: () => undefined, onGap: () => undefined, onLink: () => undefined };
    await assert.rejects(backplane.start(sink), BackplaneUnavailableError);
    assert.equal(backplane.isUp(), false);
  });

  test('bounds: requests beyond them are refused as not accepted', async () => {
    const bounds = { requestsMax: 3, requestBytesMax: 1000 };
    const { backplane, link } = await startWorker(new PortBroker(), bounds);
    link.isStuck = true;
    const first = backplane.publish('k', new Uint8Array(1000));
    await assert.rejects(backplane.publish('k', bytesOf('x')), BackplaneUnavailableError);
    link.unstick();
    assert.deepEqual(await first, { receivers: 0 });
    const three = [1, 2, 3].map((index) => backplane.subscribe(`k${index}`));
    await assert.rejects(backplane.subscribe('k4'), BackplaneUnavailableError);
    await Promise.all(three);
    const tooLarge = new Uint8Array(backplane.traits.envelopeBytesMax + 1);
    await assert.rejects(backplane.publish('k', tooLarge), /bytes between workers/);
  });
});
