/** What the fault tests share: clients, tokens good and forged, and the proof that all is well. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import type { TestContext } from 'node:test';
import { signClientToken, signServerToken } from '../../gateway/tokens/sign.ts';
import { FrameClient } from '../support/frame-client.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { waitFor } from '../support/wait.ts';

export const jsonSubprotocol = 'json.webpubsub.azure.v1';
const roles = ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'];
const megabyte = 1024 * 1024;

/** A leak must show up as a crash, so the gateway gets little to waste. */
export const smallHeap = { nodeFlags: ['--max-old-space-size=96', '--max-semi-space-size=2'] };

/** URL of a client of hub `chat` that may do everything. */
export function clientUrlOf(gateway: GatewayProcess, userId = 'anna'): string {
  const { accessKey, url: endpoint } = gateway;
  const token = signClientToken({ accessKey, endpoint, hub: 'chat', userId, roles });
  return `${gateway.wsUrl}/client/hubs/chat?access_token=${token}`;
}

/** A connected JSON client, greeted already. */
export async function connect(
  t: TestContext,
  gateway: GatewayProcess,
  userId?: string,
): Promise<FrameClient> {
  const subprotocols = [jsonSubprotocol];
  const client = await FrameClient.open(t, clientUrlOf(gateway, userId), { subprotocols });
  await client.frames.next();
  return client;
}

/** A signed JWT of any header and claims; `alg: none` has no signature. */
export function forge(header: object, claims: object, key: string): string {
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
  const signed = `${encode(header)}.${encode(claims)}`;
  const { alg } = header as { alg?: string };
  if (typeof alg === 'string' && alg.toLowerCase() === 'none') return `${signed}.`;
  const hash = alg === 'HS512' ? 'sha512' : 'sha256';
  return `${signed}.${createHmac(hash, key).update(signed).digest('base64url')}`;
}

export interface RestRequest {
  readonly method?: string;
  readonly path: string;
  readonly body?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  /** Instead of a good one. */
  readonly token?: string;
}

export interface RestAnswer {
  readonly status: number;
  readonly text: string;
}

/** A request to the REST API with a token for exactly its URL. */
export async function rest(gateway: GatewayProcess, request: RestRequest): Promise<RestAnswer> {
  const { accessKey, url } = gateway;
  const target = url + request.path;
  const token = request.token ?? signServerToken({ accessKey, url: target });
  const response = await fetch(target, {
    method: request.method ?? 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'text/plain',
      ...request.headers,
    },
    ...(request.body === undefined ? {} : { body: Buffer.from(request.body) }),
  });
  return { status: response.status, text: await response.text() };
}

/** Runs `task` for 0..count-1, `width` at a time. */
export async function inParallel(
  count: number,
  width: number,
  task: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next;
      next += 1;
      await task(index);
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
}

/** Clients connect, meet in a group, and hear the REST API. */
export async function assertServes(t: TestContext, gateway: GatewayProcess): Promise<void> {
  assert.ok(gateway.run.isAlive, gateway.run.stderr);
  const [sender, receiver] = [await connect(t, gateway), await connect(t, gateway, 'bob')];
  receiver.sendJson({ type: 'joinGroup', group: 'well', ackId: 1 });
  assert.deepEqual(await receiver.nextJson(), { type: 'ack', ackId: 1, success: true });
  sender.sendJson({ type: 'sendToGroup', group: 'well', dataType: 'text', data: 'hi', ackId: 1 });
  assert.deepEqual(await sender.nextJson(), { type: 'ack', ackId: 1, success: true });
  const message = { type: 'message', dataType: 'text', data: 'hi' };
  const origin = { from: 'group', group: 'well', fromUserId: 'anna' };
  assert.deepEqual(await receiver.nextJson(), { ...message, ...origin });
  const path = '/api/hubs/chat/users/bob/:send?api-version=2024-12-01';
  const { status, text } = await rest(gateway, { path, body: 'hi' });
  assert.equal(status, 202, text);
  assert.deepEqual(await receiver.nextJson(), { ...message, from: 'server' });
  await sender.close();
  await receiver.close();
}

/** Nothing of earlier clients is left, and the gateway blames none of it on itself. */
export async function assertClean(gateway: GatewayProcess): Promise<void> {
  const gauges = ['connections', 'destinations', 'congested_connections', 'retained_bytes'];
  await waitFor(
    async () => {
      const metrics = await gateway.metrics();
      return gauges.every((name) => metrics.get(name) === 0);
    },
    { what: `${gauges.join(', ')} are 0`, deadlineMs: 20_000 },
  );
  assert.equal(await gateway.metric('handler_errors_total'), 0, gateway.run.stderr);
  assert.doesNotMatch(gateway.run.stderr, /internal error|Stopping after/);
}

/**
 * Does the same mischief again and again: the memory of the process must stop growing. The first
 * round fills pools and compiles code; what later rounds add is the leak.
 */
export async function assertMemoryReturns(
  gateway: GatewayProcess,
  mischief: () => Promise<void>,
): Promise<void> {
  await mischief();
  await mischief();
  await assertClean(gateway);
  const before = await gateway.metric('process_resident_memory_bytes');
  for (let round = 0; round < 3; round += 1) await mischief();
  await assertClean(gateway);
  const growthMaxBytes = 16 * megabyte;
  // Collection runs when it likes; until the deadline it may.
  await waitFor(
    async () => (await gateway.metric('process_resident_memory_bytes')) - before < growthMaxBytes,
    { what: 'three more rounds have cost less than 16 MiB', deadlineMs: 20_000 },
  );
}
