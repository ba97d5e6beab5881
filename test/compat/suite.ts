/** What the files of this suite share: a started gateway, service clients, and tables of methods. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test, type TestContext } from 'node:test';
import { WebPubSubServiceClient, type WebPubSubServiceClientOptions } from '@azure/web-pubsub';
import {
  WebPubSubJsonProtocol,
  WebPubSubJsonReliableProtocol,
  type WebPubSubClientProtocol,
} from '@azure/web-pubsub-client';
import { signServerToken } from '../../gateway/tokens/sign.ts';
import {
  startTestGateway,
  type TestGateway,
  type TestGatewaySettings,
} from '../support/gateway.ts';
import type { SdkClient } from '../support/sdk-client.ts';

/** The subprotocols of the JavaScript client; tests of the client run once for each. */
export const clientProtocols: readonly WebPubSubClientProtocol[] = [
  WebPubSubJsonProtocol(),
  WebPubSubJsonReliableProtocol(),
];

export const jsonSubprotocol = 'json.webpubsub.azure.v1';

/** A gateway for the tests of one file, which must not log an error. Call it at the top level. */
export function useGateway(settings: TestGatewaySettings = {}): () => TestGateway {
  let gateway: TestGateway | undefined;
  before(async () => {
    gateway = await startTestGateway(settings);
  });
  after(async () => {
    await gateway?.stop();
    assert.deepEqual(gateway?.errors, []);
  });
  return () => {
    if (gateway === undefined) throw new Error('the gateway is started before the tests, not here');
    return gateway;
  };
}

/** The SDK's service client for a hub of its own, so that tests do not see each other's clients. */
export function newService(
  gateway: TestGateway,
  options: WebPubSubServiceClientOptions = {},
): WebPubSubServiceClient {
  return serviceOf(gateway, `hub_${randomBytes(6).toString('hex')}`, options);
}

export function serviceOf(
  gateway: TestGateway,
  hub: string,
  options: WebPubSubServiceClientOptions = {},
): WebPubSubServiceClient {
  return new WebPubSubServiceClient(gateway.connectionString, hub, {
    allowInsecureConnection: true,
    ...options,
  });
}

/** One request to the REST API, signed, for what the SDK would never send. */
export function rest(gateway: TestGateway, pathAndQuery: string, init: RequestInit = {}) {
  const url = gateway.url + pathAndQuery;
  const token = signServerToken({ accessKey: gateway.accessKey, url });
  const headers = new Headers(init.headers);
  if (!headers.has('authorization')) headers.set('authorization', `Bearer ${token}`);
  return fetch(url, { ...init, headers });
}

/** Names of the methods of `T`. */
type MethodName<T> = {
  [K in keyof T]: T[K] extends (...given: never[]) => unknown ? K : never;
}[keyof T] &
  string;

export interface MethodTest {
  readonly holds: string;
  readonly run: (t: TestContext) => Promise<void>;
}

/** One test for each method; the compiler refuses a table that lacks one. */
export type MethodTests<T> = Readonly<Record<MethodName<T>, MethodTest>>;

/** Runs the table, and holds it against what the package really has. */
export function testMethods<T extends object>(
  subject: string,
  instance: () => T,
  table: MethodTests<T>,
): void {
  describe(subject, () => {
    for (const [name, { holds, run }] of Object.entries<MethodTest>(table)) {
      test(`${subject}.${name}: ${holds}`, run);
    }

    test(`${subject}: every public method has a test here`, () => {
      const prototype = Object.getPrototypeOf(instance()) as object;
      const methods = Object.getOwnPropertyNames(prototype)
        .filter((name) => name !== 'constructor' && !name.startsWith('_'))
        .sort();
      assert.deepEqual(methods, Object.keys(table).sort());
    });
  });
}

/** The data of every server message up to the next `end`, which the test sends last. */
export async function serverDataUntilEnd(client: SdkClient): Promise<unknown[]> {
  const messages = await client.serverMessages.until(({ data }) => data === 'end');
  return messages.map(({ data }) => data);
}

/** The data of every group message up to the next `end`, which the test sends last. */
export async function groupDataUntilEnd(client: SdkClient): Promise<unknown[]> {
  const messages = await client.groupMessages.until(({ data }) => data === 'end');
  return messages.map(({ data }) => data);
}

/** What `promise` rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it was expected to fail, and did not');
}
