/** The people, rooms and topics of a new database: a small company that runs a harbour. */
import type { Person } from '../shared/schema.ts';
import type { People } from './people.ts';
import type { Rooms } from './rooms.ts';
import type { Topics } from './topics.ts';

export interface SeedOptions {
  readonly people: People;
  readonly rooms: Rooms;
  readonly topics: Topics;
}

const persons: readonly Person[] = [
  { id: 'anna', name: 'Anna Lindqvist', title: 'Head of operations' },
  { id: 'ben', name: 'Ben Okafor', title: 'Crane supervisor' },
  { id: 'carla', name: 'Carla Mendes', title: 'Harbour pilot' },
  { id: 'dan', name: 'Dan Whitaker', title: 'Customs liaison' },
  { id: 'eva', name: 'Eva Novak', title: 'Berth planner' },
  { id: 'farid', name: 'Farid Haddad', title: 'Night shift lead' },
];

const friendships = [
  ['anna', 'ben'],
  ['anna', 'carla'],
  ['anna', 'eva'],
  ['ben', 'carla'],
  ['ben', 'farid'],
  ['carla', 'dan'],
  ['dan', 'eva'],
] as const;

/** Fills an empty database. */
export function seed({ people, rooms, topics }: SeedOptions): void {
  for (const person of persons) people.add(person, person.id === 'anna');
  for (const [one, other] of friendships) people.befriend(one, other);
  rooms.add('room.harbour', 'Harbour', 'Everything that concerns everybody');
  rooms.add('room.berths', 'Berth plan', 'Who lies where, and until when');
  rooms.add('room.kitchen', 'Kitchen', 'Lunch, cake and lost cups');
  rooms.add('private.watch', 'Watch desk', 'For those on watch only');
  for (const { id } of persons) rooms.join('room.harbour', id);
  for (const id of ['anna', 'carla', 'eva', 'ben']) rooms.join('room.berths', id);
  for (const id of ['anna', 'ben', 'farid']) rooms.join('private.watch', id);
  topics.add('weather', 'Weather warnings', 'Wind, fog and swell');
  topics.add('arrivals', 'Arrivals', 'Ships that are about to berth');
  topics.add('maintenance', 'Maintenance', 'Cranes and gates out of service');
  for (const id of ['anna', 'carla', 'eva']) topics.subscribe('weather', id);
  for (const id of ['ben', 'eva']) topics.subscribe('arrivals', id);
}
