/**
 * What must and must not compile with a schema. Nothing here runs: the compiler is the test, for it
 * refuses an expected error that is none.
 */
import { createClient, type ClientOptions, type Message } from '../../../client-sdk/src/index.ts';

interface ChatMessage {
  readonly text: string;
}

interface Cursor {
  readonly x: number;
}

interface Schema {
  'room:{id}': ChatMessage;
  'board:{id}:cursors': Cursor;
  lobby: string;
  '@user': { readonly unread: number };
}

export function typedNames(options: ClientOptions<Schema>): void {
  const client = createClient<Schema>(options);
  client.group('room:1');
  client.group('board:7:cursors');
  client.group('lobby');
  client.group(`room:${Math.random()}`);
  // @ts-expect-error: no pattern has this name
  client.group('rooms:1');
  // @ts-expect-error: the pattern goes on
  client.group('board:7');
  // @ts-expect-error: what is for the user is no group
  client.group('@user');
}

export async function typedPayloads(options: ClientOptions<Schema>): Promise<void> {
  const client = createClient<Schema>(options);
  const room = client.group('room:1');
  await room.publish({ text: 'hi' }, { noEcho: true });
  // @ts-expect-error: a property is missing
  await room.publish({});
  // @ts-expect-error: a property has another type
  await room.publish({ text: 1 });
  // @ts-expect-error: the payload of another group
  await room.publish({ x: 1 });
  await client.group('lobby').publish('hi');
  room.on('message', ({ data }) => data.text.length);
  // @ts-expect-error: messages have no such property
  room.on('message', ({ data }) => data.x);
  // @ts-expect-error: there is no such event
  room.on('messages', () => undefined);
  client.user().on('message', ({ data }) => data.unread + 1);
  const { messages } = await client.group('board:1:cursors').history();
  const cursors: readonly Message<Cursor>[] = messages;
  // @ts-expect-error: these are no messages of rooms
  const rooms: readonly Message<ChatMessage>[] = messages;
  // @ts-expect-error: position is not for the application to set
  room.position = cursors[0]?.position ?? rooms[0]?.position;
}

export async function withoutSchema(options: ClientOptions): Promise<void> {
  const client = createClient(options);
  const group = client.group('anything');
  await group.publish({ any: ['thing'] });
  // @ts-expect-error: what comes is unknown until somebody has looked at it
  group.on('message', ({ data }) => data.text);
}

export function validators(options: Omit<ClientOptions<Schema>, 'validators'>): void {
  const valid = <Output>(value: Output): { value: Output } => ({ value });
  const of = <Output>(value: Output): NonNullable<ClientOptions<{ a: Output }>['validators']> => ({
    a: { '~standard': { version: 1, vendor: 'test', validate: () => valid(value) } },
  });
  const text = of({ text: 'x' }).a;
  const cursor = of({ x: 1 }).a;
  if (text === undefined || cursor === undefined) return;
  createClient<Schema>({ ...options, validators: { 'room:{id}': text } });
  // @ts-expect-error: the validator makes something else of it
  createClient<Schema>({ ...options, validators: { 'room:{id}': cursor } });
}
