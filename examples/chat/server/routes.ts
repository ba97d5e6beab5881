/** What the page may ask of the backend. */
import { z } from 'zod';
import {
  directConversation,
  severities,
  type ChatState,
  type ConversationName,
  type MarkUpdate,
  type Room,
  type SignedIn,
} from '../shared/schema.ts';
import type { GatewayApi } from './gateway-api.ts';
import { HttpError, type Call, type Routes } from './http-server.ts';
import type { People } from './people.ts';
import type { MarksByPerson, ReadMarks } from './read-marks.ts';
import { rolesOf } from './roles.ts';
import type { Rooms } from './rooms.ts';
import type { Sessions } from './sessions.ts';
import type { Topics } from './topics.ts';

export interface RoutesOptions {
  readonly gateway: GatewayApi;
  readonly people: People;
  readonly rooms: Rooms;
  readonly marks: ReadMarks;
  readonly sessions: Sessions;
  readonly topics: Topics;
  readonly clientUrl: string;
  readonly nowMs: () => number;
}

const id = z.string().min(1).max(200);
const place = z.strictObject({ epoch: id, offset: z.int().min(0) });
const signIn = z.strictObject({ person: id });
const befriend = z.strictObject({ person: id });
const mark = z.strictObject({
  conversation: id,
  delivered: place.optional(),
  read: place.optional(),
});
const notice = z.strictObject({
  title: z.string().trim().min(1).max(120),
  body: z.string().trim().max(1000),
  severity: z.enum(severities),
});
const noticesRead = z.strictObject({ ids: z.array(id).min(1).max(500) });

/** Everything but signing in needs a session. */
export function routesOf(options: RoutesOptions): Routes {
  const { people, sessions } = options;
  return {
    'GET /api/people': () => people.all(),
    'POST /api/sign-in': ({ body }): SignedIn => {
      const { person } = checked(signIn, body);
      if (people.get(person) === undefined) throw new HttpError(404, `Nobody is "${person}".`);
      return { session: sessions.open(person) };
    },
    'POST /api/sign-out': ({ session }) => {
      if (session !== undefined) sessions.close(session);
    },
    ...signedIn(options),
  };
}

type PersonalHandler = (person: string, call: Call) => unknown;

/** Puts the session's person before each handler. */
function signedIn(options: RoutesOptions): Routes {
  const handlers: Readonly<Record<string, PersonalHandler>> = {
    ...ownState(options),
    ...roomRoutes(options),
    ...noticeRoutes(options),
  };
  const entries = Object.entries(handlers).map(([route, handler]) => {
    const checkedHandler = (call: Call): unknown => {
      const person = options.sessions.personOf(call.session ?? '');
      if (person === undefined) throw new HttpError(401, 'Sign in first.');
      return handler(person, call);
    };
    return [route, checkedHandler] as const;
  });
  return Object.fromEntries(entries);
}

function ownState(options: RoutesOptions): Record<string, PersonalHandler> {
  const { gateway, marks, people, rooms } = options;
  return {
    'GET /api/state': (person) => stateOf(person, options),
    'GET /api/token': async (person) => ({
      token: await gateway.clientToken(person, rolesOf(person, rooms.visibleTo(person))),
    }),
    'POST /api/friends': async (person, { body }) => {
      const other = people.get(checked(befriend, body).person);
      if (other === undefined || other.id === person) throw new HttpError(404, 'Nobody is that.');
      if (!people.befriend(person, other.id)) return;
      await gateway.tellDevices([person, other.id], { kind: 'state' });
      const name = people.get(person)?.name ?? person;
      const title = `${name} added you as a friend`;
      const text = 'You can write to each other now.';
      await gateway.notify([other.id], { title, body: text, severity: 'info' });
    },
    'POST /api/marks': async (person, { body }) => {
      const { conversation, ...places } = checked(mark, body);
      if (!rooms.takesPart(conversation, person)) {
        throw new HttpError(403, `You are not in "${conversation}".`);
      }
      const now = marks.advance(conversation, person, places);
      if (now === undefined) return;
      const update: MarkUpdate = { userId: person, marks: now };
      await gateway.tellConversation(conversation, update);
    },
  };
}

function roomRoutes({ gateway, rooms }: RoutesOptions): Record<string, PersonalHandler> {
  const roomOf = (person: string, { params }: Call): Room => {
    const room = rooms.get(params['room'] ?? '', person);
    if (room === undefined) throw new HttpError(404, `There is no room "${params['room'] ?? ''}".`);
    return room;
  };
  const state = { kind: 'state' } as const;
  return {
    'POST /api/rooms/:room/join': async (person, call) => {
      const { conversation, members } = roomOf(person, call);
      rooms.join(conversation, person);
      await gateway.tellDevices([...new Set([...members, person])], state);
    },
    'POST /api/rooms/:room/leave': async (person, call) => {
      const { conversation, isPrivate, members } = roomOf(person, call);
      if (isPrivate) throw new HttpError(409, 'Nobody leaves a private room in this example.');
      rooms.leave(conversation, person);
      await gateway.tellDevices([...new Set([...members, person])], state);
    },
  };
}

function noticeRoutes(options: RoutesOptions): Record<string, PersonalHandler> {
  const { gateway, nowMs, people, topics } = options;
  const topicOf = (person: string, { params }: Call) => {
    const topic = topics.get(params['topic'] ?? '', person);
    if (topic === undefined) throw new HttpError(404, 'There is no such topic.');
    return topic;
  };
  return {
    'POST /api/topics/:topic/subscribe': async (person, call) => {
      topics.subscribe(topicOf(person, call).id, person);
      await gateway.tellDevices([person], { kind: 'state' });
    },
    'POST /api/topics/:topic/unsubscribe': async (person, call) => {
      topics.unsubscribe(topicOf(person, call).id, person);
      await gateway.tellDevices([person], { kind: 'state' });
    },
    'POST /api/topics/:topic/notify': async (person, call) => {
      const topic = topicOf(person, call);
      const message = { ...checked(notice, call.body), topic: topic.id };
      await gateway.notify(topics.subscribersOf(topic.id), message);
    },
    'POST /api/announce': async (person, { body }) => {
      if (!people.isAdmin(person)) throw new HttpError(403, 'Only admins announce to everybody.');
      await gateway.notifyAll(checked(notice, body));
    },
    'POST /api/notices/read': async (person, { body }) => {
      const { ids } = checked(noticesRead, body);
      topics.markRead(person, ids, nowMs());
      await gateway.tellDevices([person], { kind: 'notices-read', ids });
    },
  };
}

function stateOf(person: string, options: RoutesOptions): ChatState {
  const { clientUrl, marks, people, rooms, topics } = options;
  const everybody = people.all();
  const me = everybody.find((each) => each.id === person);
  if (me === undefined) throw new HttpError(401, 'Sign in first.');
  const friends = people.friendsOf(person);
  const visible = rooms.visibleTo(person);
  const conversations: readonly ConversationName[] = [
    ...visible.filter(({ members }) => members.includes(person)).map((room) => room.conversation),
    ...friends.map((friend) => directConversation(person, friend)),
  ];
  const byConversation: Record<string, MarksByPerson> = {};
  for (const name of conversations) byConversation[name] = marks.of(name);
  return {
    me,
    isAdmin: people.isAdmin(person),
    people: everybody.filter((each) => each.id !== person),
    friends,
    rooms: visible,
    topics: topics.of(person),
    marks: byConversation,
    noticesRead: topics.readBy(person),
    clientUrl,
  };
}

/** @throws HttpError 400 that names what is wrong. */
function checked<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new HttpError(400, z.prettifyError(result.error));
}
