import { buildIfStale, installPeersIfMissing } from './built.ts'

// Before the tests, which run side by side: they find everything in place.
installPeersIfMissing()
buildIfStale()
