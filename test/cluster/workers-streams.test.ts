/**
 * Streams of `trunkline serve --workers 2` without a broker: the parent keeps them, so a client
 * finds on any worker what it missed on another, and also when its worker died.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { nodeOfConnection } from '../../gateway/router/keys.ts';
import { clientUrl, signClientToken } from '../../gateway/tokens/sign.ts';
import { FrameClient } from '../support/frame-client.ts';
import { GatewayProcess } from '../support/gateway-process.ts';

const hub = 'chat';
const group = 'room.1';
const roles = ['webpubsub.sendToGroup', 'webpubsub.joinLeaveGroup'];
const skip = process.platform === 'linux' ? false : 'ports are shared on Linux only';

type Frame = Readonly<Record<string, unknown>>;

const settings = {
  hubs: { chat: { streams: [{ match: 'group:room.*', retention: 'chat' }] } },
  retention: { chat: { messages: 100, seconds: 600, bytes: 1_000_000 } },
};

class Client {
  readonly nodeId: string;
  readonly #socket: FrameClient;
  #read: Frame[];
  #ackId = 0;

  private constructor(socket: FrameClient, greeting: Frame, read: Frame[]) {
    this.nodeId = nodeOfConnection(String(greeting['connectionId'])) ?? '';
    this.#socket = socket;
    this.#read = read;
  }

  static async open(t: TestContext, { accessKey, url }: GatewayProcess): Promise<Client> {
    const token = signClientToken({ accessKey, endpoint: url, hub, userId: 'anna', roles });
    const subprotocols = ['trunkline.v1.json'];
    const socket = await FrameClient.open(t, clientUrl(url, hub, token), { subprotocols });
    const [greeting, ...read] = await framesOf(socket);
    assert.equal(greeting?.['event'], 'connected');
    return new Client(socket, greeting ?? {}, read);
  }

  /** The next object of this type; those before it are dropped. */
  async next(type: string): Promise<Frame> {
    for (;;) {
      const frame = this.#read.shift();
      if (frame?.['type'] === type) return frame;
      if (frame === undefined) this.#read = await framesOf(this.#socket);
    }
  }

  async ask(request: Frame): Promise<Frame> {
    this.#ackId += 1;
    this.#socket.sendJson({ ...request, ackId: this.#ackId });
    const ack = await this.next('ack');
    assert.equal(ack['success'], true, JSON.stringify(ack));
    return ack;
  }

  send(data: string): Promise<Frame> {
    return this.ask({ type: 'sendToGroup', group, dataType: 'text', data, id: data });
  }

  close(): Promise<unknown> {
    return this.#socket.close();
  }
}

async function framesOf(socket: FrameClient): Promise<Frame[]> {
  const lines = String(await socket.frames.next()).split('\n');
  // The gateway sends objects only.
  return lines.map((line) => JSON.parse(line) as Frame);
}

async function start(t: TestContext): Promise<GatewayProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'trunkline-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'config.json');
  await writeFile(file, JSON.stringify(settings));
  const gateway = await GatewayProcess.start({ WORKERS: 2, CONFIG: file });
  t.after(() => gateway.run.kill());
  return gateway;
}

/** A client on another worker than `others` are on. */
async function openApart(
  t: TestContext,
  gateway: GatewayProcess,
  others: readonly Client[],
): Promise<Client> {
  for (let count = 0; count < 300; count += 1) {
    // A worker that has just been killed may have been given the connection.
    const client = await Client.open(t, gateway).catch(() => undefined);
    if (client === undefined) continue;
    if (others.every(({ nodeId }) => nodeId !== client.nodeId)) return client;
    await client.close();
  }
  return assert.fail('300 connections were on the same workers, or failed');
}

describe('streams of workers', { skip }, () => {
  test('streams of workers: what one worker stores another gives, live and afterwards', async (t) => {
    const gateway = await start(t);
    const anna = await Client.open(t, gateway);
    const ben = await openApart(t, gateway, [anna]);
    const { position: begin } = await ben.ask({ type: 'joinGroup', group });

    const { position: first } = await anna.send('one');
    const live = await ben.next('message');
    const { epoch, ...place } = { ...(first as Frame) };
    assert.equal(typeof epoch, 'string');
    assert.deepEqual(
      { offset: live['offset'], tag: live['tag'], data: live['data'] },
      { ...place, data: 'one' },
    );
    // The same id through the other worker is the same message.
    assert.deepEqual((await ben.send('one'))['position'], first);
    await anna.send('two');
    assert.equal((await ben.next('message'))['data'], 'two');

    const late = await openApart(t, gateway, [anna]);
    const joined = await late.ask({ type: 'joinGroup', group, since: begin });
    assert.equal(joined['recovered'], true);
    assert.deepEqual(
      [(await late.next('message'))['data'], (await late.next('message'))['data']],
      ['one', 'two'],
    );
  });

  test('streams of workers: they outlive the worker that a client was on', async (t) => {
    const gateway = await start(t);
    const anna = await Client.open(t, gateway);
    const ben = await openApart(t, gateway, [anna]);
    const { position: begin } = await ben.ask({ type: 'joinGroup', group });
    await ben.send('one');
    const pid = pidOf(gateway, ben.nodeId);
    process.kill(pid, 'SIGKILL');
    await anna.send('two');

    const back = await openApart(t, gateway, [ben]);
    const joined = await back.ask({ type: 'joinGroup', group, since: begin });
    assert.equal(joined['recovered'], true);
    assert.deepEqual(
      [(await back.next('message'))['data'], (await back.next('message'))['data']],
      ['one', 'two'],
    );
  });
});

/** The process of a worker, from the log. */
function pidOf({ run }: GatewayProcess, nodeId: string): number {
  for (const line of run.stderr.split('\n').filter((text) => text.includes('Worker listens'))) {
    const entry = JSON.parse(line) as Frame;
    if (entry['nodeId'] === nodeId) return Number(entry['pid']);
  }
  return assert.fail(`no worker has the node id ${nodeId}`);
}
