/**
 * What must and must not compile with a schema. Nothing here runs: the compiler is the test, for it
 * refuses an expected error that is none.
 */
import type { ClientOptions } from '../../../client-sdk/src/index.ts';
import {
  createServer,
  type Message,
  type Presence,
  type ServerOptions,
} from '../../../server-sdk/src/index.ts';

interface ChatMessage {
  readonly text: string;
}

interface Cursor {
  readonly x: number;
}

interface Schema {
  'room.{id}': ChatMessage;
  'board.{id}.cursors': Cursor;
  lobby: string;
  '@user': { readonly unread: number };
  '@hub': { readonly notice: string };
}

export function typedNames(options: ServerOptions<Schema>): void {
  const server = createServer<Schema>(options);
  server.group('room.1');
  server.group(`board.${Math.random()}.cursors`);
  server.group('lobby');
  // @ts-expect-error: no pattern has this name
  server.group('rooms.1');
  // @ts-expect-error: what is for the user is no group
  server.group('@user');
}

export async function typedPayloads(options: ServerOptions<Schema>): Promise<void> {
  const server = createServer<Schema>(options);
  const room = server.group('room.1');
  await room.publish({ text: 'hi' }, { exclude: ['c'], ttlSeconds: 5 });
  // @ts-expect-error: a property is missing
  await room.publish({});
  // @ts-expect-error: a property has another type
  await room.publish({ text: 1 });
  // @ts-expect-error: the payload of another group
  await room.publish({ x: 1 });
  await server.user('anna').publish({ unread: 1 });
  // @ts-expect-error: users get numbers
  await server.user('anna').publish({ unread: 'one' });
  // @ts-expect-error: a user's connections cannot be left out
  await server.user('anna').publish({ unread: 1 }, { exclude: ['c'] });
  await server.all.publish({ notice: 'soon' });
  // @ts-expect-error: this is for a user
  await server.all.publish({ unread: 1 });
  for await (const { messages } of server.group('board.1.cursors').history()) {
    const cursors: readonly Message<Cursor>[] = messages;
    // @ts-expect-error: these are no messages of rooms
    const rooms: readonly Message<ChatMessage>[] = messages;
    // @ts-expect-error: a message is not for the application to change
    messages[0] = cursors[0] ?? rooms[0];
  }
  const presence: Presence = await room.presence();
  // @ts-expect-error: one has to look whether the users are known
  presence.users.toFixed();
}

export async function typedBatches(options: ServerOptions<Schema>): Promise<void> {
  const server = createServer<Schema>(options);
  const room: `room.${number}` = 'room.1';
  const [result] = await server.batch([
    { group: room, data: { text: 'hi' }, exclude: ['c'] },
    { group: 'board.1.cursors', data: { x: 1 } },
    { user: 'anna', data: { unread: 1 } },
    { all: true, data: { notice: 'soon' } },
    { connection: 'c', data: ['anything'] },
  ]);
  // @ts-expect-error: one has to look whether it was accepted
  const position: unknown = result?.position;
  await server.connection('c').publish(position);
  // @ts-expect-error: the payload of another group
  await server.batch([{ group: 'room.1', data: { x: 1 } }]);
  // @ts-expect-error: no pattern has this name
  await server.batch([{ group: 'rooms.1', data: { text: 'hi' } }]);
  // @ts-expect-error: users get numbers
  await server.batch([{ user: 'anna', data: { text: 'hi' } }]);
  // @ts-expect-error: it has no destination
  await server.batch([{ data: { text: 'hi' } }]);
}

export async function withoutSchema(options: ServerOptions): Promise<void> {
  const server = createServer(options);
  await server.group('anything').publish({ any: ['thing'] });
  await server.batch([{ group: 'anything', data: 1 }]);
  const page = await server.user('anna').history().next();
  // @ts-expect-error: what was kept is unknown until somebody has looked at it
  await server.all.publish(page.value?.messages[0]?.data.text);
}

/** The validators of one schema are good for both SDKs. */
export function sameValidators(
  options: ServerOptions<Schema>,
): Pick<ClientOptions<Schema>, 'validators'> {
  return { validators: options.validators };
}
