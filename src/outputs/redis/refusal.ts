import { messageOf } from '../../errors/tapekeeper-error.ts'

/**
 * What a server says of itself, or of us, and not of the key or channel that a command was about: it is loading, a replica since a failover,
 * without a master, busy, wants a password, or has too many clients. Scripts put their own words around it.
 */
const OF_THE_SERVER =
  /\b(READONLY|LOADING|MASTERDOWN|CLUSTERDOWN|NOAUTH|WRONGPASS|BUSY|TRYAGAIN|UNBLOCKED)\b|max number of clients reached/

/** Whether the same may work with another connection, to this server later or to the one that has taken its place. */
export const isOfTheServer = (error: unknown): boolean => OF_THE_SERVER.test(messageOf(error))
