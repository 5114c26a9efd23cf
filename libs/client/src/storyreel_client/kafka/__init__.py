"""The only folder that speaks to Kafka; all else asks the ports `RecordSender`, `TopicReader`, `OffsetSource`."""
