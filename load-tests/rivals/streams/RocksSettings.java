import java.util.Map;
import org.apache.kafka.streams.state.RocksDBConfigSetter;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.Cache;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;

/** One block cache for all stores of the process, and room to write before a flush. */
public final class RocksSettings implements RocksDBConfigSetter {
    private static final long BLOCK_CACHE_BYTES = 192L * 1024 * 1024;
    private static final long WRITE_BUFFER_BYTES = 32L * 1024 * 1024;

    static {
        RocksDB.loadLibrary();
    }

    private static final Cache BLOCKS = new LRUCache(BLOCK_CACHE_BYTES);

    @Override
    public void setConfig(String store, Options options, Map<String, Object> settings) {
        // What Kafka Streams sets there, bloom filters among it, stays.
        BlockBasedTableConfig table = (BlockBasedTableConfig) options.tableFormatConfig();
        table.setBlockCache(BLOCKS);
        options.setTableFormatConfig(table);
        options.setWriteBufferSize(WRITE_BUFFER_BYTES);
    }

    @Override
    public void close(String store, Options options) {
        // The cache is all stores', and ends with the process.
    }
}
