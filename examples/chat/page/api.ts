/** The page's calls to the backend. */
import type { ChatState, Marks, Notice, Person, SignedIn } from '../shared/schema.ts';
import { UnauthorizedError } from './sdk.ts';

type Body = Readonly<Record<string, unknown>>;

/** @throws UnauthorizedError: there is no session, or not any more; Error with a sentence else. */
async function call(method: string, path: string, session?: string, body?: Body): Promise<unknown> {
  const response = await fetch(path, {
    method,
    // What was asked is done, also when the page is closed right after.
    keepalive: method === 'POST',
    headers: {
      ...(session !== undefined && { authorization: `Bearer ${session}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  if (response.status === 204) return undefined;
  const answer: unknown = await response.json();
  if (response.ok) return answer;
  // The form of all errors of the backend.
  const { message } = answer as { readonly message: string };
  if (response.status === 401) throw new UnauthorizedError(message);
  throw new Error(message);
}

/** Everybody who may sign in. */
export async function peopleToChoose(): Promise<readonly Person[]> {
  // The form of the backend's answer.
  return (await call('GET', '/api/people')) as readonly Person[];
}

/** Resolves with the secret of the session. */
export async function signIn(person: string): Promise<string> {
  // The form of the backend's answer.
  const { session } = (await call('POST', '/api/sign-in', undefined, { person })) as SignedIn;
  return session;
}

export class Api {
  readonly #session: string;

  constructor(session: string) {
    this.#session = session;
  }

  async state(): Promise<ChatState> {
    // The form of the backend's answer.
    return (await this.#call('GET', '/api/state')) as ChatState;
  }

  async token(): Promise<string> {
    // The form of the backend's answer.
    const { token } = (await this.#call('GET', '/api/token')) as { readonly token: string };
    return token;
  }

  async signOut(): Promise<void> {
    await this.#call('POST', '/api/sign-out');
  }

  async befriend(person: string): Promise<void> {
    await this.#call('POST', '/api/friends', { person });
  }

  async joinRoom(conversation: string): Promise<void> {
    await this.#call('POST', `/api/rooms/${encodeURIComponent(conversation)}/join`);
  }

  async leaveRoom(conversation: string): Promise<void> {
    await this.#call('POST', `/api/rooms/${encodeURIComponent(conversation)}/leave`);
  }

  async mark(conversation: string, marks: Marks): Promise<void> {
    await this.#call('POST', '/api/marks', { conversation, ...marks });
  }

  async subscribe(topic: string, isWanted: boolean): Promise<void> {
    const verb = isWanted ? 'subscribe' : 'unsubscribe';
    await this.#call('POST', `/api/topics/${encodeURIComponent(topic)}/${verb}`);
  }

  /** To the subscribers of a topic; without one, to everybody. */
  async notify({ topic, ...notice }: Notice): Promise<void> {
    const path =
      topic === undefined ? '/api/announce' : `/api/topics/${encodeURIComponent(topic)}/notify`;
    await this.#call('POST', path, notice);
  }

  async markNoticesRead(ids: readonly string[]): Promise<void> {
    await this.#call('POST', '/api/notices/read', { ids });
  }

  #call(method: string, path: string, body?: Body): Promise<unknown> {
    return call(method, path, this.#session, body);
  }
}
