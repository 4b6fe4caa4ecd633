export { createRedisOutput } from './outputs/redis/create-redis-output.ts'
export { createRedisSubscriber, type RedisSubscriber } from './outputs/redis/create-redis-subscriber.ts'
export type { RedisClientLike, RedisOutputOptions, RedisSubscriberOptions } from './outputs/redis/redis-options.ts'
export type {
  MessageLoss,
  MessageMeta,
  RedisSubscriberEvents,
  SessionChange,
  SubscriberStatistics,
  SubscriberStatus,
} from './outputs/redis/subscriber-events.ts'
export type { SessionEnd } from './outputs/sequence-watch.ts'
export type { StreamFilter } from './outputs/stream-name.ts'
