"""What the duplicate check knows about words: which tell, which everybody says, which are one."""
