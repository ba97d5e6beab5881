/** Presence that remembers what sessions ask of it, and answers when the test lets it. */
import { GatewayError } from '../../../../gateway/errors.ts';
import type {
  ClientState,
  PresenceDestination,
} from '../../../../gateway/protocol/presence-model.ts';
import type { Subscriber } from '../../../../gateway/router/ports.ts';
import type { Presence, WatchRequest } from '../../../../gateway/router/presence/ports.ts';

export class FakePresence implements Presence {
  readonly watches: WatchRequest[] = [];
  readonly started: PresenceDestination[] = [];
  readonly unwatched: PresenceDestination[] = [];
  readonly states: { readonly group: string; readonly state: ClientState | undefined }[] = [];
  forgotten = 0;
  retold = 0;
  /** What `watch` waits for. */
  known: Promise<void> = Promise.resolve();
  pairsMax = 10;

  async watch(request: WatchRequest): Promise<() => void> {
    this.watches.push(request);
    await this.known;
    return () => this.started.push(request.to);
  }

  unwatch(_subscriber: Subscriber, to: PresenceDestination): void {
    this.unwatched.push(to);
  }

  forget(): void {
    this.forgotten += 1;
  }

  retell(): void {
    this.retold += 1;
  }

  watched(): readonly PresenceDestination[] {
    return this.watches.map(({ to }) => to);
  }

  checkState(state: ClientState | undefined): void {
    if ((state?.length ?? 0) > this.pairsMax) throw new GatewayError('bad-request', 'too much');
  }

  setState(_subscriber: Subscriber, group: string, state: ClientState | undefined): void {
    this.checkState(state);
    this.states.push({ group, state });
  }
}
