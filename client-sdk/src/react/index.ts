/** The public entry of @trunkline/client/react. */
'use client';

export type { GroupView, UseGroupOptions } from './group-store.ts';
export { hooksFor, type Hooks } from './hooks-for.ts';
export {
  TrunklineProvider,
  useClient,
  type AnyClient,
  type TrunklineProviderProps,
} from './provider.ts';
export { useConnectionState } from './use-connection-state.ts';
export { useGroup, type UsedGroup } from './use-group.ts';
export {
  useHubMessages,
  useMessages,
  useSubscription,
  useUserMessages,
  type Listeners,
} from './use-messages.ts';
export { useOnline, usePresence, type UsedPresence } from './use-presence.ts';
