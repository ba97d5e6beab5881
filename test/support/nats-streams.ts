/** NATS servers with JetStream whose folders a test can copy, and nodes that append and read. */
import { connect } from '@nats-io/transport-node';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { NatsStreamStore } from '../../backplanes/nats/streams/nats-stream-store.ts';
import type { NatsStreamSettings } from '../../backplanes/nats/streams/settings.ts';
import type { Position, StreamEntry, StreamRef } from '../../backplanes/stream-store.ts';
import { freePort, NatsServer, startCluster } from './nats.ts';
import { waitFor } from './wait.ts';

/** The part of a server's configuration that switches JetStream on. */
export function jetStreamConfig(folder: string): string {
  return `jetstream { store_dir: "${folder}", max_mem: 64MB, max_file: 1TB }`;
}

/** A folder of its own, removed after the test. */
export class StoreFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'trunkline-jetstream-'));
  readonly #copy = `${this.path}-copy`;

  save(): void {
    rmSync(this.#copy, { recursive: true, force: true });
    cpSync(this.path, this.#copy, { recursive: true });
  }

  restore(): void {
    rmSync(this.path, { recursive: true, force: true });
    cpSync(this.#copy, this.path, { recursive: true });
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
    rmSync(this.#copy, { recursive: true, force: true });
  }
}

/** One server with JetStream, stopped after the test. */
export async function jetStreamServer(
  context: TestContext,
  program: string,
): Promise<{ readonly server: NatsServer; readonly folder: StoreFolder }> {
  const folder = new StoreFolder();
  const server = new NatsServer(program, await freePort(), jetStreamConfig(folder.path));
  context.after(async () => {
    await server.stop();
    folder.remove();
  });
  await server.start();
  return { server, folder };
}

/** Three servers with JetStream that have a leader. */
export async function jetStreamCluster(program: string): Promise<{
  readonly servers: readonly NatsServer[];
  readonly stop: () => Promise<void>;
}> {
  const folders = [new StoreFolder(), new StoreFolder(), new StoreFolder()];
  const servers = await startCluster(program, '', (index) =>
    jetStreamConfig(folders[index]?.path ?? ''),
  );
  await waitFor(
    () =>
      servers.some((server) =>
        server.log().includes('Self is new JetStream cluster metadata leader'),
      ),
    { what: 'JetStream has a leader', deadlineMs: 30_000 },
  );
  await waitForPeers(servers[0]?.address ?? '');
  return {
    servers,
    stop: async () => {
      await Promise.all(servers.map((server) => server.stop()));
      for (const folder of folders) folder.remove();
    },
  };
}

/** A store, started, closed after the test; `doubts` has what it told. */
export async function storeOn(
  context: TestContext,
  url: string,
  settings: Partial<NatsStreamSettings> = {},
): Promise<{ readonly store: NatsStreamStore; readonly doubts: string[] }> {
  const store = new NatsStreamStore(url, settings);
  const doubts: string[] = [];
  context.after(() => store.close());
  await store.start({ onDoubt: (reason) => doubts.push(reason) });
  return { store, doubts };
}

/** A stream of a class that keeps a lot. */
export function streamOf(key: string, bounds: Partial<StreamRef['retention']> = {}): StreamRef {
  const retention = { name: 'chat', messagesMax: 10_000, ageMsMax: 3_600_000, bytesMax: 1e8 };
  return { key, retention: { ...retention, ...bounds } };
}

/** Appends texts with themselves as ids, one after the other. */
export async function appendAll(
  store: NatsStreamStore,
  stream: StreamRef,
  texts: readonly string[],
): Promise<readonly Position[]> {
  const positions: Position[] = [];
  for (const text of texts) {
    positions.push((await store.append(stream, Buffer.from(text), text)).position);
  }
  return positions;
}

export function textsOf(entries: readonly StreamEntry[]): readonly string[] {
  return entries.map(({ bytes }) => Buffer.from(bytes).toString());
}

/** All that a stream holds. */
export async function readAll(
  store: NatsStreamStore,
  stream: StreamRef,
): Promise<readonly string[]> {
  const page = await store.readBack(stream, { before: undefined, limit: 100_000 });
  return textsOf(page.entries).toReversed();
}

/** Deletes the class's JetStream stream, as an operator may. */
export async function deleteStream(url: string, name = 'trunkline-chat'): Promise<void> {
  const connection = await connect({ servers: url.replace('nats://', '') });
  const answer = await connection.request(`$JS.API.STREAM.DELETE.${name}`);
  await connection.close();
  if (!answer.string().includes('"success":true')) throw new Error(answer.string());
}

/** Name of the server that leads a JetStream stream. */
export async function leaderOf(url: string, name: string): Promise<string> {
  const servers = url.replace('nats://', '').replace(/\?.*/, '').split(',');
  const connection = await connect({ servers });
  try {
    return await waitFor(
      async () => {
        const answer = await connection.request(`$JS.API.STREAM.INFO.${name}`);
        return /"leader":"(\w+)"/.exec(answer.string())?.[1];
      },
      { what: `${name} has a leader` },
    );
  } finally {
    await connection.close();
  }
}

/** Resolves when the leader knows that all three servers can store: it has made a stream on them. */
async function waitForPeers(address: string): Promise<void> {
  const connection = await connect({ servers: address });
  const config = { name: 'probe', subjects: ['probe'], storage: 'file', num_replicas: 3 };
  await waitFor(
    async () => {
      const subject = '$JS.API.STREAM.CREATE.probe';
      const answer = await connection.request(subject, JSON.stringify(config), { timeout: 5000 });
      return answer.string().includes('"created"');
    },
    { what: 'a stream is made on three servers', deadlineMs: 30_000 },
  );
  await connection.close();
}
