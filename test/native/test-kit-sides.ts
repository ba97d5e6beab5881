/** The test kit's gateway and a real one, behind one interface, so that tests can run on both. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { WebSocket } from 'ws';
import {
  createClient,
  type Client,
  type ClientOptions,
  type SocketLike,
} from '../../client-sdk/src/index.ts';
import { createTestGateway, type TestTokenOptions } from '../../client-sdk/src/testing/index.ts';
import { signClientToken, signServerToken } from '../../gateway/tokens/sign.ts';
import { startTestGateway, type TestGateway as RealGateway } from '../support/gateway.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

const hub = 'chat';
const publicEndpoint = 'http://gateway.example';
const allRoles = ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'];
/** Small, so that a test can have more. */
export const retainedMax = 5;

/** What the tests need of a gateway; streams are groups `room.*` and users. */
export interface Side {
  client(
    userId: string | undefined,
    options?: Partial<ClientOptions>,
    token?: TestTokenOptions,
  ): Client;
  /** A socket without a client. */
  socket(userId: string | undefined, token?: TestTokenOptions): SocketLike;
  token(userId: string | undefined, token?: TestTokenOptions): string;
  publish(group: string, data: unknown): Promise<void>;
  sendToUser(userId: string, data: unknown): Promise<void>;
  sendToAll(data: unknown): Promise<void>;
  kick(userId: string, reason: string): Promise<void>;
  cut(): void;
  refuse(): void;
  welcome(): void;
}

export const sides: Readonly<Record<string, (t: TestContext) => Promise<Side>>> = {
  'test kit': (t) => Promise.resolve(kitSide(t)),
  gateway: realSide,
};

function kitSide(t: TestContext): Side {
  const gateway = createTestGateway({ streams: ['room.{id}', '@user'], retainedMax });
  t.after(() => gateway.close());
  return {
    client: (userId, options, token) => gateway.client(userId, { ...options, token }),
    socket: (userId, token) => {
      const url = `${gateway.url}?access_token=${gateway.token(userId, token)}`;
      return new gateway.environment.WebSocket(url, ['trunkline.v1.json']);
    },
    token: (userId, token) => gateway.token(userId, token),
    publish: async (group, data) => void gateway.publish(group, data),
    sendToUser: async (userId, data) => void gateway.sendToUser(userId, data),
    sendToAll: async (data) => void gateway.sendToAll(data),
    kick: async (userId, reason) => gateway.kick(userId, { reason }),
    cut: () => gateway.cut(),
    refuse: () => gateway.refuse(),
    welcome: () => gateway.welcome(),
  };
}

async function realSide(t: TestContext): Promise<Side> {
  const streams = ['group:room.*', 'user:*'].map((match) => ({ match, retention: 'few' }));
  const gateway = await startTestGateway({
    publicEndpoints: [publicEndpoint],
    hubs: { [hub]: { streams } },
    retention: { few: { messages: retainedMax, seconds: 600, bytes: 1_000_000 } },
    // Retention decides what can be had, not what the node remembers beside it.
    limits: { tokenGraceMs: 0, streamCacheBytesPerDestinationMax: 1 },
  });
  const proxy = new TcpProxy(gateway.gateway.port);
  const port = await proxy.listen();
  const url = `ws://127.0.0.1:${port}/client/hubs/${hub}`;
  const clients: Client[] = [];
  t.after(async () => {
    for (const client of clients) client.close();
    await proxy.close();
    await gateway.stop();
  });
  const token: Side['token'] = (userId, options = {}) => tokenOf(gateway, userId, options);
  return {
    client: (userId, options, tokenOptions) => {
      const client = createClient({
        url,
        getToken: () => token(userId, tokenOptions),
        WebSocket,
        backoffBaseMs: 1,
        backoffCapMs: 10,
        ...options,
      });
      clients.push(client);
      return client;
    },
    socket: (userId, options) =>
      new WebSocket(`${url}?access_token=${token(userId, options)}`, ['trunkline.v1.json']),
    token,
    publish: (group, data) => call(gateway, `groups/${group}/:send`, data),
    sendToUser: (userId, data) => call(gateway, `users/${userId}/:send`, data),
    sendToAll: (data) => call(gateway, ':send', data),
    kick: (userId, reason) =>
      call(gateway, `users/${userId}/:closeConnections?reason=${encodeURIComponent(reason)}`),
    cut: () => proxy.cut(),
    refuse: () => proxy.refuse(),
    welcome: () => proxy.welcome(),
  };
}

function tokenOf(
  { accessKey }: RealGateway,
  userId: string | undefined,
  { groups = [], lifetimeMs = 3_600_000, roles = allRoles }: TestTokenOptions,
): string {
  return signClientToken({
    accessKey,
    endpoint: publicEndpoint,
    hub,
    ...(userId !== undefined && { userId }),
    roles: [...roles],
    groups: [...groups],
    minutesToExpire: lifetimeMs / 60_000,
  });
}

async function call(gateway: RealGateway, path: string, data?: unknown): Promise<void> {
  const url = new URL(`${publicEndpoint}/api/hubs/${hub}/${path}`);
  url.searchParams.set('api-version', '2024-12-01');
  const authorization = `Bearer ${signServerToken({ accessKey: gateway.accessKey, url: url.href })}`;
  const isBinary = data instanceof Uint8Array;
  const type = isBinary ? 'application/octet-stream' : 'application/json';
  const response = await fetch(url.href.replace(publicEndpoint, gateway.url), {
    method: 'POST',
    headers: { authorization, ...(data !== undefined && { 'content-type': type }) },
    ...(data !== undefined && { body: isBinary ? Uint8Array.from(data) : JSON.stringify(data) }),
  });
  assert.ok(response.ok, `${path}: ${response.status}`);
}
