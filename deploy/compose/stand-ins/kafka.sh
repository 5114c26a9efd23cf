#!/bin/bash
# Does what the original image does with a mounted configuration: format the log once, then run.
set -euf # no globbing: Java reads the star itself
config=/mnt/shared/config/server.properties
java="java -Xmx384m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp /opt/kafka/libs/*"
if [ ! -f /var/lib/kafka/data/meta.properties ]; then
  $java kafka.tools.StorageTool format --standalone -t "$($java kafka.tools.StorageTool random-uuid | tail -1)" -c $config
fi
exec $java kafka.Kafka $config
