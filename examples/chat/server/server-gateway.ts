/** The gateway by its server SDK: what the backend wants of it, in the words of the SDK. */
import type { ChatSchema, MarkUpdate, Notice, Sync } from '../shared/schema.ts';
import type { GatewayApi } from './gateway-api.ts';
import type { Server } from './sdk.ts';

export class ServerGateway implements GatewayApi {
  readonly #server: Server<ChatSchema>;

  constructor(server: Server<ChatSchema>) {
    this.#server = server;
  }

  clientToken(person: string, roles: readonly string[]): Promise<string> {
    return this.#server.clientToken({ userId: person, roles });
  }

  async tellConversation(conversation: string, update: MarkUpdate): Promise<void> {
    await this.#server.group(`marks.${conversation}`).publish(update);
  }

  async tellDevices(people: readonly string[], sync: Sync): Promise<void> {
    const messages = people.map((person) => ({ group: `sync.${person}` as const, data: sync }));
    ofAll(await this.#server.batch(messages));
  }

  async notify(people: readonly string[], notice: Notice): Promise<void> {
    ofAll(await this.#server.batch(people.map((user) => ({ user, data: notice }))));
  }

  async notifyAll(notice: Notice): Promise<void> {
    await this.#server.all.publish(notice);
  }
}

type Results = Awaited<ReturnType<Server['batch']>>;

/** @throws what the first of them says that was not accepted. */
function ofAll(results: Results): void {
  for (const result of results) if (!result.isAccepted) throw result.error;
}
