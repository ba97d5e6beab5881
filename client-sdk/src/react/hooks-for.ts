/** The hooks with the types of an application's schema. */
import type { ReactElement } from 'react';
import type { Client } from '../client.ts';
import type { ConnectionState } from '../connection-states.ts';
import type { Gap, Message } from '../messages.ts';
import type { GroupNameOf, PayloadOf, ReservedPayloadOf } from '../schema.ts';
import type { UseGroupOptions } from './group-store.ts';
import { TrunklineProvider, useClient, type TrunklineProviderProps } from './provider.ts';
import { useConnectionState } from './use-connection-state.ts';
import { useGroup, type UsedGroup } from './use-group.ts';
import {
  useHubMessages,
  useMessages,
  useSubscription,
  useUserMessages,
  type Listeners,
} from './use-messages.ts';

type ChannelHook<Payload> = (
  onMessage: (message: Message<Payload>) => unknown,
  onGap?: (gap: Gap) => unknown,
) => void;

/** What each one does stands with the function of its name. */
export interface Hooks<Schema extends object> {
  readonly TrunklineProvider: (props: TrunklineProviderProps<Client<Schema>>) => ReactElement;
  readonly useClient: () => Client<Schema>;
  readonly useConnectionState: () => ConnectionState;
  readonly useGroup: <Name extends GroupNameOf<Schema>>(
    name: Name,
    options?: UseGroupOptions,
  ) => UsedGroup<PayloadOf<Schema, Name>>;
  readonly useSubscription: <Name extends GroupNameOf<Schema>>(
    name: Name,
    listeners: Listeners<PayloadOf<Schema, Name>>,
  ) => void;
  readonly useMessages: <Name extends GroupNameOf<Schema>>(
    name: Name,
    onMessage: (message: Message<PayloadOf<Schema, Name>>) => unknown,
  ) => void;
  readonly useUserMessages: ChannelHook<ReservedPayloadOf<Schema, '@user'>>;
  readonly useHubMessages: ChannelHook<ReservedPayloadOf<Schema, '@hub'>>;
}

/** The hooks that have payloads, and what goes with them, with the schema's names and payloads. */
export function hooksFor<Schema extends object>(): Hooks<Schema> {
  const hooks = {
    TrunklineProvider,
    useClient,
    useConnectionState,
    useGroup,
    useSubscription,
    useMessages,
    useUserMessages,
    useHubMessages,
  };
  // The schema is a promise about what comes; types are gone when the program runs.
  return hooks as unknown as Hooks<Schema>;
}
