export { ExchangeFactory, type ListingOptions } from './manager/exchange-factory.ts'
export { getExchangeInfo, type ExchangeInfo } from './manager/exchange-info.ts'
export { getSupportedExchanges, registerExchange } from './exchanges/registry.ts'
export { createOkxCollector, OkxCollector, type OkxCollectorConfig } from './manager/okx-collector.ts'
export type { OkxCustomParams } from './exchanges/okx/custom-params.ts'
export { createDecoder, type Decoder, type DecoderOptions } from './manager/decoder.ts'
export { CollectorManager } from './manager/collector-manager.ts'
export type { CollectorConfig } from './manager/collector-config.ts'
export type { CollectorManagerOptions, StopOptions } from './manager/manager-options.ts'
export {
  MANAGER_STATUSES,
  type ManagerEvents,
  type ManagerHealth,
  type ManagerStatus,
  type ManagerStatusChange,
  type UnhealthyCollector,
} from './manager/manager-events.ts'
export type {
  ManagedCollectorSummary,
  ManagerResources,
  ManagerStatistics,
  ManagerStatusReport,
} from './manager/manager-status.ts'

export type { CandleMismatch } from './core/collector/candle-check.ts'
export { BaseDataCollector } from './core/collector/base-collector.ts'
export { DataSource } from './core/collector/data-source.ts'
export type { OrMaker, Repositories } from './core/sinks/sink-options.ts'
export type { StartOutcome } from './core/collector/lifecycle.ts'
export type { BaseCollectorOptions, SupervisionOptions } from './core/collector/base-options.ts'
export { ExchangeCollector } from './core/collector/exchange-collector.ts'
export type { ExchangeCollectorConfig } from './core/collector/exchange-config.ts'
export { COLLECTOR_STATUSES, type CollectorStatus } from './core/collector/collector-state.ts'
export type {
  CollectorEvents,
  RestartNotice,
  RestartRequest,
  RestartTrigger,
  StatusChange,
  SubscriptionChange,
  SubscriptionStatus,
} from './core/collector/events.ts'
export type { DataCallback } from './core/collector/delivery.ts'
export { OVERFLOW_POLICIES, type DataStream, type OverflowPolicy, type StreamOptions } from './core/collector/data-stream.ts'
export type { HealthIssue, HealthStatus } from './core/collector/health.ts'
export type {
  CollectorStatistics,
  CollectorStatusReport,
  CollectorSummary,
  SubscriptionReport,
} from './core/collector/status-report.ts'
export type { ConnectionReport } from './core/link/connection-report.ts'
export type { Counters } from './core/collector/counters.ts'
export type { BookReason, BookStateChange } from './core/book/book-keeper.ts'
export type { BookSideName, LocalBook } from './core/book/local-book.ts'
export { compareGaps, decideGap, gapKey, type GapDecision } from './domain/stored-gaps.ts'
export { createMemoryCursorStore, type CursorStore, type TapeCursor } from './ports/cursor-store.ts'
export { GAP_REASONS, type Gap, type GapReason } from './domain/gap.ts'
export type { Completeness, HourCounts, StreamCompleteness, TapeCounts } from './core/tape/completeness.ts'
export { aggregateTrades } from './aggregation/aggregate-trades.ts'
export type { AggregateTradesOptions, CandleAggregatorOptions } from './aggregation/aggregator-options.ts'
export type { AggregatorSnapshot } from './aggregation/aggregator-snapshot.ts'
export type { AggregatorStatistics, CandleGap } from './aggregation/aggregator-types.ts'
export { CandleAggregator } from './aggregation/candle-aggregator.ts'
export { compareCandles, type CandleDifference } from './aggregation/compare-candles.ts'
export { foldCandles } from './aggregation/fold-candles.ts'
export type { PlainTrade, TradeInput } from './aggregation/trade-row.ts'
export type { SizeTerms } from './aggregation/quote-rule.ts'
export { vwap } from './aggregation/vwap.ts'
export { validateOhlcvData, type OhlcvInput } from './core/validate-ohlcv.ts'
export type { ConfigProblem } from './errors/config-problems.ts'
export {
  defineExchange,
  type Credentials,
  type ExchangeDefinition,
  type ExchangeLimits,
  type Keepalive,
  type OrderBookDepth,
  type SymbolLookup,
  type Topic,
  type TopicRequest,
  type TradeHistory,
  type TradeTarget,
} from './core/exchange-definition.ts'
export type { DataFrame, Frame, FrameDecoder, Reaction, RejectedFrame } from './core/frame.ts'
export type { RestClient, RestLimit, RestOutcome } from './core/rest-client.ts'

export { ConsolidatedView, type VenueState } from './aggregation/consolidated/consolidated-view.ts'
export type { ConsolidatedViewOptions } from './aggregation/consolidated/options.ts'
export type { ConsolidatedQuote, ConsolidatedSide, QuoteSide, VenueQuote } from './aggregation/consolidated/quote.ts'
export type { ConsolidatedEvents, ConsolidatedTrade, VenueChange, VenueReason } from './aggregation/consolidated/view-events.ts'
export type {
  Venue,
  VenueBook,
  VenueBookListener,
  VenueDataType,
  VenueGap,
  VenueGapListener,
  VenueStatus,
  VenueStatusListener,
  VenueSubscription,
  VenueSubscriptionListener,
} from './aggregation/consolidated/venue.ts'
export { CONSOLIDATED, mergeCandles, type MergeOptions } from './aggregation/consolidated/merge-candles.ts'

export { DATA_TYPES, DataType } from './domain/data-type.ts'
export type { RawFrame } from './domain/raw-frame.ts'
export { compareDecimals } from './domain/compare-decimals.ts'
export { decimal, Decimal, decimalString, MAX_DECIMAL_LENGTH, type DecimalString } from './domain/decimal.ts'
export { MARKET_TYPES, parseSymbol, type Instrument, type MarketType, type SymbolParts } from './domain/instrument.ts'
export type {
  Balance,
  DataOf,
  Level,
  MarketDataPoint,
  OhlcvData,
  OrderBook,
  PointOf,
  Side,
  Ticker,
  Trade,
} from './domain/market-data.ts'
export {
  CANDLE_TIMEFRAMES,
  closeTimeOf,
  EXCHANGE_ONLY_TIMEFRAMES,
  openTimeOf,
  timeframeMs,
  TIMEFRAMES,
  type CandleTimeframe,
  type Timeframe,
} from './domain/timeframe.ts'

export { decideCandle, type CandleDecision } from './storage/decide-candle.ts'
export { createMemoryRepository, type MemoryRepository } from './storage/memory/create-memory-repository.ts'
export type { MemoryRepositoryOptions } from './storage/memory/memory-repository-options.ts'
export { checkRange, compareFrames, compareTrades, type CheckedRange } from './storage/range-query.ts'
export {
  SORT_ORDERS,
  STORED_KINDS,
  type CandleQuery,
  type CandleSeries,
  type FrameQuery,
  type Market,
  type MarketDataRepository,
  type RangeQuery,
  type RawTradeRepository,
  type Repository,
  type RepositoryCapabilities,
  type RepositoryHealth,
  type RepositoryStatistics,
  type SaveCandlesOptions,
  type SortOrder,
  type StoredCursor,
  type StoredFrame,
  type StoredKind,
  type TradeQuery,
  type WriteResult,
} from './storage/repository.ts'
export type { Spool, SpoolLane } from './storage/spool.ts'
export type { StorageRecord, StreamCursor } from './storage/storage-record.ts'
export type { StorageOptions } from './storage/storage-options.ts'
export type { LossReason } from './storage/writer/entry.ts'
export type { WriterRepositories } from './storage/writer/repository-gate.ts'
export { StorageWriter } from './storage/writer/storage-writer.ts'
export type { StorageStatus, StorageWriterOptions, WriterTuning } from './storage/writer/writer-options.ts'
export type { Output, OutputMessage, OutputPayload, PublishAnswer, PublishFailure } from './outputs/output.ts'
export {
  DATABASE_FAULTS,
  DatabaseOperationError,
  type DatabaseFault,
  type DatabaseOperation,
} from './errors/database-operation-error.ts'
export { CONSEQUENCE, type Consequence, type ErrorCode } from './errors/consequence.ts'
export { TapekeeperError } from './errors/tapekeeper-error.ts'

export { sleep, systemClock, type Cancel, type Clock, type Moment } from './ports/clock.ts'
export { systemHttp, type HttpPort, type HttpRequest, type HttpResponse } from './ports/http.ts'
export { parseEnvironment, type Environment } from './ports/environment.ts'
export { consoleLogger, LOG_LEVELS, silentLogger, type Logger, type LogLevel } from './ports/logger.ts'
export { systemPorts, type Ports } from './ports/ports.ts'
export type { Sink, SinkState, SinkStatus } from './ports/sink.ts'
export { systemRandom, type Random } from './ports/random.ts'
export { systemSocket, type Socket, type SocketClosed, type SocketFactory, type SocketHandlers } from './ports/socket.ts'
