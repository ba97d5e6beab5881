/** What the backend wants of the gateway: tokens for its users, and messages to them. */
import type { MarkUpdate, Notice, Sync } from '../shared/schema.ts';

export interface GatewayApi {
  /** For one person's pages to connect with. */
  clientToken(person: string, roles: readonly string[]): Promise<string>;
  /** Not retained: whoever is not there reads it from the backend. */
  tellConversation(conversation: string, update: MarkUpdate): Promise<void>;
  /** To all devices of these people; not retained. */
  tellDevices(people: readonly string[], sync: Sync): Promise<void>;
  /** To these people, now or when they come back. */
  notify(people: readonly string[], notice: Notice): Promise<void>;
  /** To everybody, now or when they come back. */
  notifyAll(notice: Notice): Promise<void>;
}
