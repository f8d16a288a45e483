package store_test

func child(dir string) {}
