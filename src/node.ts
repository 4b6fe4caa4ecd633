export {
  STOP_SIGNALS,
  stopOnSignals,
  type Disposer,
  type Stoppable,
  type StopOnSignalsOptions,
  type StopSignal,
} from './process/stop-on-signals.ts'
export { createRecorder, type Recorder, type RecorderOptions } from './recording/create-recorder.ts'
export { createReplay, type Replay, type ReplayOptions, type ReplaySource } from './recording/create-replay.ts'
export type { Redact } from './recording/redact.ts'
export { readRecording } from './recording/read-recording.ts'
export type {
  AnswerLine,
  ConnectionFields,
  ConnectionLine,
  NoteLine,
  RecordingHeader,
  RecordingLine,
  RemarkLine,
  RequestLine,
  StallLine,
  TimedFields,
  TimedLine,
} from './recording/lines.ts'
export { createFileSpool, type FileSpoolOptions } from './spool/create-file-spool.ts'
