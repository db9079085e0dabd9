-- Give this transaction the memory to sort a large log.
SET LOCAL work_mem = '128MB';
