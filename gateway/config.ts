/** The settings of one gateway, as the rest of the code sees them: complete, checked, immutable. */
import type { Limits } from './limits.ts';

/** Settings of one hub; `*` in the configuration stands for every hub not named. */
export interface HubSettings {
  /** True: clients without a token may connect. They have no user, no roles and no groups. */
  readonly anonymous: boolean;
  /** Which destinations are streams; the first rule that matches decides. */
  readonly streams: readonly StreamRule[];
  /** What happens to members that read too slowly; the first rule that matches decides. */
  readonly slowConsumers: readonly SlowConsumerRule[];
}

/** `all`, `user:<pattern>` or `group:<pattern>`; patterns are those of wildcard roles. */
export type DestinationPattern = string;

export interface StreamRule {
  readonly match: DestinationPattern;
  /** Name of a retention class. */
  readonly retention: string;
}

export interface SlowConsumerRule {
  readonly match: DestinationPattern;
  readonly policy: SlowConsumerPolicy;
  /** `latest`: name of the metadata entry that holds the key; without it all messages have one. */
  readonly key: string | undefined;
}

/**
 * `disconnect`: closed with 4008. `drop-and-recover`: closed with 4009, so that the client comes
 * back at once and resumes. `drop-oldest`: the oldest messages that wait for it are dropped, and it
 * is told. `latest`: only the newest message of each key waits for it.
 */
export type SlowConsumerPolicy = 'disconnect' | 'drop-and-recover' | 'drop-oldest' | 'latest';

/** How much a class of streams retains; each bound that is exceeded drops the oldest. */
export interface RetentionSettings {
  readonly messages: number;
  readonly seconds: number;
  readonly bytes: number;
}

/** Trust in tokens of the team's own identity provider. */
export interface IssuerSettings {
  /** Expected `iss`; tokens with this issuer are checked with this entry and no other. */
  readonly issuer: string;
  /** Expected `aud`. */
  readonly audience: string;
  /** http(s) URL of a JWKS, or a path of a file with one. */
  readonly jwks: string;
  /** RS256, ES256. */
  readonly algorithms: readonly ('RS256' | 'ES256')[];
  /** Name of the claim with the roles; a string or an array of strings. */
  readonly rolesClaim: string;
  /** Name of the claim with the groups to join at connect. */
  readonly groupsClaim: string;
}

export interface GatewayConfig {
  readonly mode: 'development' | 'production';
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Processes that share the port; each is a node. */
  readonly workers: number;
  readonly tls: { readonly keyFile: string; readonly certFile: string } | undefined;
  /** One or two keys that sign tokens, each at least 32 bytes of UTF-8. */
  readonly accessKeys: readonly string[];
  /** Origins (with a base path where there is one) by which clients know us; empty: what we listen on. */
  readonly publicEndpoints: readonly string[];
  /** URL of the backplane, for instance `memory:`. */
  readonly backplane: string;
  /** Endpoint and access key of the service behind `azure:`. */
  readonly azureConnectionString: string | undefined;
  readonly issuers: readonly IssuerSettings[];
  readonly hubs: Readonly<Record<string, HubSettings>>;
  /** Classes of streams by name. */
  readonly retention: Readonly<Record<string, RetentionSettings>>;
  /** URL of the store of streams; undefined: the backplane's broker. */
  readonly streamStore: string | undefined;
  readonly limits: Limits;
  readonly logLevel: 'silent' | 'error' | 'warn' | 'info' | 'debug';
  readonly logFormat: 'text' | 'json';
}

/** What must not get into a log: every key, also where it is part of a longer text. */
export function secretsOf({ accessKeys, azureConnectionString = '' }: GatewayConfig): string[] {
  const azureKey = /(?:^|;)\s*accesskey=([^;]+)/i.exec(azureConnectionString)?.[1];
  return azureKey === undefined ? [...accessKeys] : [...accessKeys, azureKey];
}
